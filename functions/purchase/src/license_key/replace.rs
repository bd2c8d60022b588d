//! `POST /v1/licenses/replace-key`: another key for a license whose key leaked. It takes
//! the proof of a buyer, never the key.

use super::proof::{BuyerProof, Recovered};
use crate::Ports;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keywright_domain::order::likely_cause;
use keywright_domain::release::DownloadId;
use keywright_store::licenses::key_replacement::{
    self, Replacement, ReplacementIds, ReplacementRight,
};
use keywright_store::operator::audit::Actor;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany};
use keywright_web::{ApiError, Attempted, Json, Visit};

/// Replaces the key of a license, and shows the new one
///
/// For a key that leaked: license, machines and seats stay, and every older key and token is
/// `revoked` from now on; so is the download id, and links that were mailed end. The key
/// alone is not enough, because whoever it leaked to has it too. The same 403 for an unknown
/// order, one that is not settled, another address and a license that is not active. Three
/// replacements a day for each license. A buyer without the order's secret has a link mailed
/// (`POST /v1/recover/mail`), whose page replaces keys too.
#[utoipa::path(
    post,
    path = "/v1/licenses/replace-key",
    operation_id = "replaceLicenseKey",
    tag = "buying",
    request_body = BuyerProof,
    responses(
        (status = 200, description = "The license with its new key.", body = Recovered),
        (status = 403, description = "The proof is not valid: `forbidden`.",
            body = keywright_web::openapi::Error),
        Failures, BodyRefusals, Conflict, TooMany
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    visit: Visit,
    proof: Result<Json<BuyerProof>, ApiError>,
) -> Result<Response, ApiError> {
    let Json(proof) = proof?;
    let (sale, allowance) = proof.order(&ports, &visit).await?;
    let refused = || mismatch(&proof.invoice_id);
    let sale = sale.ok_or_else(refused)?;
    let email = sale.buyer_email.as_deref().ok_or_else(refused)?;
    let right = ReplacementRight::Buyer(email);
    match replace(&ports, &visit, &sale.license_id, right).await? {
        Some(Replacement::Done { .. }) => {}
        Some(Replacement::Refused(status)) if status.as_str() == "active" => {
            return Err(too_many());
        }
        Some(Replacement::Refused(_)) | None => return Err(refused()),
    }
    let recovered = Recovered::of(&ports, &visit, sale).await?;
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(recovered)).into_response())
}

/// Replaces the key of a license for its buyer.
///
/// # Errors
/// Of the database.
pub(crate) async fn replace(
    ports: &Ports,
    visit: &Visit,
    license_id: &str,
    right: ReplacementRight<'_>,
) -> Result<Option<Replacement>, ApiError> {
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id: visit.request_id.clone(),
    };
    let (audit, event) = (ports.stamps.new_id(), ports.stamps.new_id());
    let ids = ReplacementIds {
        license: license_id,
        download: &DownloadId::from_random(ports.stamps.random()),
        audit: &audit,
        event: &event,
    };
    Ok(key_replacement::replace(&ports.database, &actor, ids, right).await?)
}

fn too_many() -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "rate_limited",
        "this key was replaced three times in 24 hours; try again tomorrow or contact the vendor",
    )
}

/// The same answer for every reason: only the form of what was sent makes a difference.
fn mismatch(invoice_id: &str) -> ApiError {
    let cause = likely_cause(invoice_id);
    ApiError::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        format!("no active license was bought with this invoice and address{cause}"),
    )
}
