//! Links: which operations take what another one answers. Clients read the document
//! better with them, and tests that follow them get further.

use super::operations;
use serde_json::{Map, Value, json};

/// The operation that answers, the member of its answer, and the operations that take it
/// in which parameter.
const LINKS: [(&str, &str, &str, &[&str]); 14] = [
    (
        "createOrder",
        "invoice_id",
        "invoice_id",
        &["getOrder", "getOrderQrCode"],
    ),
    ("redeemCode", "invoice_id", "invoice_id", &["getOrder"]),
    (
        "createProduct",
        "id",
        "id",
        &[
            "getProduct",
            "updateProduct",
            "setProductActive",
            "deleteProduct",
        ],
    ),
    (
        "createProduct",
        "slug",
        "slug",
        &["getProductOnSale", "listPoliciesOnSale"],
    ),
    (
        "createPolicy",
        "id",
        "id",
        &[
            "getPolicy",
            "updatePolicy",
            "setPolicyArchived",
            "deletePolicy",
        ],
    ),
    (
        "createDiscountCode",
        "id",
        "id",
        &[
            "getDiscountCode",
            "updateDiscountCode",
            "deleteDiscountCode",
        ],
    ),
    (
        "createMerchantProfile",
        "id",
        "id",
        &[
            "getMerchantProfile",
            "updateMerchantProfile",
            "deleteMerchantProfile",
        ],
    ),
    ("createApiKey", "id", "id", &["revokeApiKey"]),
    (
        "issueLicense",
        "license_id",
        "id",
        &[
            "getLicense",
            "updateLicense",
            "suspendLicense",
            "replaceDownloadId",
        ],
    ),
    ("startUpload", "id", "id", &["uploadPart"]),
    ("publishRelease", "release/id", "id", &["updateRelease"]),
    (
        "publishRelease",
        "release/product",
        "product",
        &["listReleasedVersions"],
    ),
    (
        "activateMachine",
        "machine_id",
        "id",
        &["deactivateMachineById"],
    ),
    ("setReleaseKeys", "product", "product", &["getReleaseKeys"]),
];

/// Adds the links to the answers.
///
/// # Panics
/// When an operation or a parameter is not in the document.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let mut parameters = Vec::new();
    for one in operations(paths) {
        let id = one.operation["operationId"].as_str().unwrap_or_default();
        parameters.push((id.to_owned(), one.path.to_owned()));
    }
    for one in operations(paths) {
        let id = one.operation["operationId"].as_str().unwrap_or_default();
        let mut links = Map::new();
        for (_, member, parameter, targets) in LINKS.iter().filter(|link| link.0 == id) {
            for target in *targets {
                let there = parameters.iter().find(|(id, _)| id == target);
                let path = there.map_or("", |(_, path)| path);
                assert!(
                    path.contains(&format!("{{{parameter}}}")),
                    "{target} takes no {parameter}"
                );
                let link = json!({
                    "operationId": target,
                    "parameters": { *parameter: format!("$response.body#/{member}") },
                });
                links.insert((*target).to_owned(), link);
            }
        }
        if !links.is_empty() {
            one.operation["responses"]["200"]["links"] = links.into();
        }
    }
    let known = |id: &str| parameters.iter().any(|(known, _)| known == id);
    assert!(
        LINKS.iter().all(|link| known(link.0)),
        "an operation of LINKS is unknown"
    );
}
