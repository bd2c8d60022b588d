//! `POST /v1/admin/licenses/{id}/replace-key`: another key for a license whose key leaked.

use crate::ids::LicenseId;
use crate::{Operator, Ports};
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_domain::dates::rfc3339;
use keywright_domain::release::DownloadId;
use keywright_domain::standing::LicenseStatus;
use keywright_store::licenses::key_replacement::{
    self, Replacement, ReplacementIds, ReplacementRight,
};
use keywright_web::openapi::{AccessRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The new key.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplacedKey)]
pub(crate) struct Replaced {
    /// UUID of the license.
    #[schema(format = "uuid")]
    license_id: String,
    /// Null while the license is suspended: a key is shown only of one that is active.
    #[schema(required)]
    license_key: Option<String>,
    /// The token for the release gate; null with the key.
    #[schema(required)]
    token: Option<String>,
    /// 32 hex digits that open the downloads of the license and nothing else; null with the
    /// key.
    #[schema(required)]
    download_id: Option<String>,
    /// The issue time of the new key: every key and token with an earlier one is revoked.
    #[schema(format = DateTime)]
    key_issued_at: String,
}

/// Replaces the key of a license
///
/// License, machines and seats stay. Every older key and token is `revoked` from now on, the
/// download id is replaced too, and links that were mailed end. Where mail is configured the
/// buyer gets a link to the new key. 409 for a revoked license. Each request without the same
/// `Idempotency-Key` makes another key.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/replace-key",
    operation_id = "replaceKeyOfLicense",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    responses(
        (status = 200, description = "The new key.", body = Replaced),
        AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: LicenseId,
) -> Result<Response, ApiError> {
    let (audit, event) = (ports.stamps.new_id(), ports.stamps.new_id());
    let ids = ReplacementIds {
        license: &id,
        download: &DownloadId::from_random(ports.stamps.random()),
        audit: &audit,
        event: &event,
    };
    let right = ReplacementRight::Operator;
    let outcome = key_replacement::replace(&ports.database, &actor, ids, right).await?;
    let (issued_at, status) = match outcome.ok_or_else(LicenseId::unknown)? {
        Replacement::Done { issued_at, status } => (issued_at, status),
        Replacement::Refused(status) => {
            return Err(ApiError::conflict(format!(
                "the license is {}, so it needs no other key; issue another license instead",
                status.as_str()
            )));
        }
    };
    let signed = match status {
        LicenseStatus::Active => Some(ports.sign.license(&id).await.map_err(|error| {
            ApiError::unavailable(
                "service_unavailable",
                "the key was replaced, and the new one could not be signed now; \
                 recover it later with the order and its e-mail address",
                error.to_string(),
            )
        })?),
        LicenseStatus::Suspended | LicenseStatus::Revoked | LicenseStatus::Unknown => None,
    };
    let (license_key, token, download_id) = signed.map_or((None, None, None), |signed| {
        (
            Some(signed.license_key),
            Some(signed.token),
            signed.download_id,
        )
    });
    let replaced = Replaced {
        license_id: id.to_string(),
        license_key,
        token,
        download_id,
        key_issued_at: rfc3339(issued_at),
    };
    Ok(([(CACHE_CONTROL, "no-store")], Json(replaced)).into_response())
}
