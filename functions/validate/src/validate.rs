//! `POST /v1/validate`: whether a key is good now. Always status 200; a key
//! that is not good has `ok: false` and a reason, in the contract's order.
//! One database round trip.

use crate::Ports;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::standing::{Recorded, Refusal, Standing, judge};
use keywright_edge::http::{ApiError, Json};
use keywright_license::{LicenseError, verify_license};
use keywright_store::licenses::{self, License};
use serde::{Deserialize, Serialize};

/// The question. Members the contract knows and this does not need yet
/// (`hostname`, `platform`) are accepted and passed over.
#[derive(Deserialize)]
pub(crate) struct Validate {
    key: String,
    product_slug: Option<String>,
    fingerprint: Option<String>,
}

/// The answer. What does not apply is absent, never null: the Rust SDK
/// refuses null where it expects a value.
#[derive(Default, Serialize)]
pub(crate) struct Validation {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_slug: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grace_until: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    in_grace_period: bool,
    #[serde(skip_serializing_if = "is_false")]
    is_trial: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entitlements: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_machines: Option<i64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde calls"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// 503 when no key is configured; then nothing is accepted.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    asked: Result<Json<Validate>, ApiError>,
) -> Result<Json<Validation>, ApiError> {
    let Json(asked) = asked?;
    let keys = ports.keys()?;
    let verified = match verify_license(&asked.key, keys) {
        Ok(verified) => verified,
        Err(LicenseError::BadSignature) => return Ok(refused("bad_signature")),
        Err(_) => return Ok(refused("bad_format")),
    };
    let license_id = verified.payload().license_id().to_string();
    let Some(license) = licenses::find(&ports.database, &license_id).await? else {
        return Ok(refused("not_found"));
    };
    // The SDKs send an empty string where the application gave none.
    let product_slug = asked
        .product_slug
        .as_deref()
        .filter(|slug| !slug.is_empty());
    let recorded = Recorded {
        status: license.status,
        product_slug: &license.product_slug,
        expires_at: license.expires_at,
        grace_seconds: license.grace_seconds,
    };
    let standing = match judge(recorded, product_slug, ports.stamps.now()) {
        Ok(standing) => standing,
        Err(Refusal::Expired) => return Ok(expired(license)),
        Err(Refusal::Revoked) => return Ok(refused("revoked")),
        Err(Refusal::Suspended) => return Ok(refused("suspended")),
        Err(Refusal::ProductMismatch) => return Ok(refused("product_mismatch")),
    };
    let bound_elsewhere = asked
        .fingerprint
        .is_some_and(|fingerprint| verified.check_fingerprint(&fingerprint).is_err());
    if bound_elsewhere {
        return Ok(refused("fingerprint_mismatch"));
    }
    Ok(good(license, standing))
}

fn refused(reason: &'static str) -> Json<Validation> {
    Json(Validation {
        reason: Some(reason),
        ..Validation::default()
    })
}

fn expired(license: License) -> Json<Validation> {
    Json(Validation {
        reason: Some("expired"),
        license_id: Some(license.id),
        product_id: Some(license.product_id),
        expires_at: license.expires_at.map(rfc3339),
        ..Validation::default()
    })
}

fn good(license: License, standing: Standing) -> Json<Validation> {
    let grace_until = match standing {
        Standing::Good => None,
        Standing::InGrace { until } => Some(rfc3339(until)),
    };
    Json(Validation {
        ok: true,
        reason: None,
        license_id: Some(license.id),
        product_id: Some(license.product_id),
        product_slug: Some(license.product_slug),
        issued_at: Some(rfc3339(license.issued_at)),
        expires_at: license.expires_at.map(rfc3339),
        in_grace_period: grace_until.is_some(),
        grace_until,
        is_trial: license.is_trial,
        entitlements: license.entitlements,
        status: Some("active"),
        max_machines: Some(license.max_machines),
    })
}
