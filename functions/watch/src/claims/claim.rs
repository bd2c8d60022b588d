//! `POST /v1/license/{tx_hash}/claim`: returns the license to the wallet that paid.

use super::challenge::{no_license, of_wallet};
use super::proof::{check, used};
use super::{limit_proofs, transaction};
use crate::Ports;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_domain::dates::rfc3339;
use keywright_domain::pasted::PastedLower;
use keywright_providers::polygon::claim::Purpose;
use keywright_store::chain::claims;
use keywright_store::operator::activity::ActivityKind;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Attempted, Json, Visit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The signed challenge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClaimRequest)]
pub(crate) struct ClaimRequest {
    /// `nonce` of the challenge.
    #[schema(value_type = String)]
    nonce: PastedLower,
    /// The wallet's signature over `message` of the challenge: `0x` and
    /// hexadecimal digits.
    #[schema(value_type = String)]
    signature: PastedLower,
}

/// The licenses that the wallet paid for in the transaction.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimedLicenses)]
pub(crate) struct ClaimAnswer {
    /// Always `true`.
    ok: bool,
    /// The licenses: more than one if the transaction paid for several, and at most 20.
    licenses: Vec<ClaimedLicense>,
}

/// A license.
#[derive(Serialize, ToSchema)]
#[schema(as = ClaimedLicense)]
pub(crate) struct ClaimedLicense {
    /// The key.
    license_key: String,
    /// UUID of the license.
    license_id: String,
    /// The token for the release gate, the same every time.
    token: String,
    /// 32 hexadecimal digits that open the downloads of the license and nothing else.
    download_id: Option<String>,
    /// UUID of the product.
    product_id: String,
    /// Slug of the product.
    #[schema(example = "demo")]
    product: String,
    /// RFC 3339.
    issued_at: String,
    /// RFC 3339; null when it never expires.
    expires_at: Option<String>,
    /// What the license unlocks.
    #[schema(value_type = Vec<String>)]
    entitlements: Value,
}

/// Returns the license to the wallet that paid for it
///
/// Works at any later time and can be repeated: key and token are the same each time.
/// 403 for another wallet's signature and for a challenge that was used or has expired,
/// 404 when there is no license in force.
#[utoipa::path(
    post,
    path = "/v1/license/{tx_hash}/claim",
    operation_id = "claimLicense",
    tag = "buying",
    params(("tx_hash" = String, Path, description = "0x and 64 hexadecimal digits")),
    request_body = ClaimRequest,
    responses(
        (status = 200, description = "The license.", body = ClaimAnswer),
        (status = 403, description = "The proof is not valid.",
            body = keywright_web::openapi::Error),
        BodyRefusals, Unknown, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    visit: Visit,
    tx_hash: Result<Path<String>, PathRejection>,
    proof: Result<Json<ClaimRequest>, ApiError>,
) -> Result<Response, ApiError> {
    let hash = transaction(tx_hash)?;
    let Json(proof) = proof?;
    let allowance = limit_proofs(&ports, &visit.client).await?;
    let purpose = Purpose::License { transaction: hash };
    let challenge = check(
        &ports,
        &visit.client,
        purpose,
        proof.nonce.as_str(),
        proof.signature.as_str(),
    )
    .await?;
    let chain_id = ports.claims.chain_id()?;
    let payments = claims::payments(&ports.database, chain_id, &hash.to_string()).await?;
    let mut licenses = Vec::new();
    for (payment, license_id) in of_wallet(&payments, &challenge.wallet) {
        let signed = ports.claims.signed(license_id).await?;
        licenses.push(ClaimedLicense {
            license_key: signed.license_key,
            license_id: license_id.to_owned(),
            token: signed.token,
            download_id: signed.download_id,
            product_id: payment.product_id.clone().unwrap_or_default(),
            product: payment.product.clone().unwrap_or_default(),
            issued_at: rfc3339(payment.issued_at.unwrap_or_default()),
            expires_at: payment.expires_at.map(rfc3339),
            entitlements: payment
                .entitlements
                .clone()
                .unwrap_or_else(|| Value::Array(Vec::new())),
        });
    }
    if licenses.is_empty() {
        return Err(no_license());
    }
    // Last, so that a claim that fails before this can be retried.
    if !claims::use_challenge(&ports.database, &challenge.nonce, ports.stamps.now()).await? {
        return Err(used());
    }
    let activity = &ports.activity;
    for license in &licenses {
        let shown = &license.license_id;
        let note = activity.note(
            &visit.later,
            visit.caller(),
            ActivityKind::KeyClaimed,
            shown,
        );
        note.await;
    }
    let claimed = ClaimAnswer { ok: true, licenses };
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(claimed)).into_response())
}
