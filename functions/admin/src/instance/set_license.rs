//! `POST /v1/admin/self-license`: enters the license of the instance itself.

use super::license::SelfLicense;
use crate::{Operator, Ports};
use http::StatusCode;
use keywright_domain::instance_tier::{IssuerAnswer, IssuerVerdict};
use keywright_license::clean_pasted;
use keywright_services::instance_license::{
    InstanceLicensing, KeyRefusal, LicenseIssuer, SEALED_AT,
};
use keywright_store::operator::instance_license::{self, EnteredLicense};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// A license for the instance.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SelfLicenseInput {
    /// The license key.
    license_key: String,
}

/// Enters the license of the instance itself
///
/// It takes the place of any before. The issuer is asked at once, and hourly after that. If
/// it cannot be reached, the key counts as it is signed. 400 for a key of another issuer or
/// product, `revoked` and so on for one that the issuer refuses, and where the host sets no
/// caps. 409 while `INSTANCE_LICENSE` is set.
#[utoipa::path(
    post,
    path = "/v1/admin/self-license",
    operation_id = "setSelfLicense",
    tag = "instance",
    request_body = SelfLicenseInput,
    responses(
        (status = 200, description = "The license.", body = SelfLicense),
        BodyRefusals, AccessRefusals, Conflict, Failures
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    entered: Result<Json<SelfLicenseInput>, ApiError>,
) -> Result<Json<SelfLicense>, ApiError> {
    let Json(entered) = entered?;
    let issuer = issuer(&ports.licensing)?;
    if ports.licensing.has_configured_license() {
        return Err(ApiError::conflict(
            "INSTANCE_LICENSE is set in the configuration; change it there",
        ));
    }
    let key = clean_pasted(&entered.license_key).to_ascii_uppercase();
    let pinned = match issuer.verify(&key) {
        Ok(license) => license,
        Err(KeyRefusal::OtherProduct { product, .. }) => {
            // Only the issuer knows the name of the other product.
            let name = match issuer.ask_about(&ports.issuer, &key).await {
                IssuerAnswer::Good { product_slug, .. } if !product_slug.is_empty() => product_slug,
                _ => product,
            };
            return Err(ApiError::bad_request(
                issuer.other_product(name).to_string(),
            ));
        }
        Err(error @ KeyRefusal::BadKey { .. }) => {
            return Err(ApiError::bad_request(error.to_string()));
        }
    };
    let answer = issuer.ask(&ports.issuer, &key, &pinned.license_id).await;
    let (license, verdict, failure) = match answer {
        IssuerAnswer::Good { license, .. } => (license, IssuerVerdict::Good, None),
        IssuerAnswer::Refused(reason) => return Err(refused(&reason)),
        IssuerAnswer::Nothing(why) => (pinned, IssuerVerdict::Unchecked, Some(why)),
    };
    let vault = ports.vault.as_ref().map_err(|reason| {
        ApiError::unavailable(
            "service_unavailable",
            "CREDENTIALS_KEY is not configured, or cannot be used; the key is stored sealed with it",
            reason.to_string(),
        )
    })?;
    let sealed_key = vault.seal(&ports.stamps, &SEALED_AT, &key);
    let sealed_key = sealed_key.ok_or_else(|| ApiError::internal("a key is too long to seal"))?;
    let entered = EnteredLicense {
        license: &license,
        sealed_key: &sealed_key,
        verdict,
        failure: failure.as_deref(),
    };
    let audit_id = ports.stamps.new_id();
    instance_license::enter(&ports.database, &actor, &entered, &audit_id).await?;
    let standing = ports
        .licensing
        .standing(&ports.database, ports.stamps.now());
    Ok(Json(SelfLicense::of(&ports, standing.await?)))
}

/// The issuer, if the host configured one.
fn issuer(licensing: &InstanceLicensing) -> Result<&LicenseIssuer, ApiError> {
    match (licensing, licensing.issuer()) {
        (_, Some(issuer)) => Ok(issuer),
        (InstanceLicensing::Off, None) => Err(ApiError::bad_request(
            "this instance has no caps and needs no license; its host sets them with INSTANCE_ISSUER_KEY",
        )),
        (InstanceLicensing::On(_), None) => Err(ApiError::unavailable(
            "service_unavailable",
            "the issuer of instance licenses is not configured completely; the log says what is wrong",
            "a setting of the issuer cannot be read",
        )),
    }
}

/// 400 with the reason as the code.
fn refused(reason: &str) -> ApiError {
    let (code, message) = match reason {
        "revoked" => (
            "revoked",
            "the issuer revoked this license, or replaced its key",
        ),
        "suspended" => ("suspended", "the issuer suspended this license"),
        "expired" => ("expired", "this license is expired; renew it at the issuer"),
        _ => ("bad_request", "the issuer refuses this license"),
    };
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}
