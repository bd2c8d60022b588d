//! `POST /v1/recover`: the key of an earlier order.

use super::proof::{BuyerProof, Recovered};
use crate::Ports;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use keywright_domain::order::likely_cause;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Json, Visit};

/// Shows the key of an earlier purchase again
///
/// The same 404 for an unknown order, one that is not settled, another address and a license
/// that is not active, so that nothing can be learnt about other people's purchases. 400 for an empty member. Ten tries
/// a minute for each address.
#[utoipa::path(
    post,
    path = "/v1/recover",
    operation_id = "recoverLicense",
    tag = "buying",
    request_body = BuyerProof,
    responses(
        (status = 200, body = Recovered),
        Failures, BodyRefusals, Conflict, Unknown, TooMany
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    proof: Result<Json<BuyerProof>, ApiError>,
) -> Result<Response, ApiError> {
    let Json(proof) = proof?;
    let (sale, allowance) = proof.order(&ports, &visit).await?;
    let sale = sale.ok_or_else(|| mismatch(&proof.invoice_id))?;
    let recovered = Recovered::of(&ports, &visit, sale).await?;
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(recovered)).into_response())
}

/// The same answer for every reason: only the form of what was sent makes a difference.
fn mismatch(invoice_id: &str) -> ApiError {
    let cause = likely_cause(invoice_id);
    ApiError::not_found(format!(
        "no active license was bought with this invoice and address{cause}"
    ))
}
