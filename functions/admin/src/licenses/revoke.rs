//! `POST /v1/admin/licenses/{id}/revoke`: ends a license for good.

use crate::{Done, Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_edge::http::{ApiError, Json};
use keywright_store::licenses;
use serde::Deserialize;
use utoipa::ToSchema;

/// Longest reason, in bytes.
const MAX_REASON_BYTES: usize = 2_000;

/// Why it ends.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Revoke {
    /// For the operator and the audit table, up to 2,000 bytes.
    reason: Option<String>,
}

/// Ends a license for good. Repeating it succeeds and changes nothing more.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/revoke",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    request_body = Revoke,
    responses(
        (status = 200, description = "It is revoked.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
    security(("operator" = ["licenses:write"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: Result<Path<String>, PathRejection>,
    revoke: Result<Json<Revoke>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let unknown = || ApiError::not_found("there is no such license");
    let Path(id) = id.map_err(|_| unknown())?;
    let Json(Revoke { reason }) = revoke?;
    let reason = reason.unwrap_or_default();
    if reason.len() > MAX_REASON_BYTES {
        return Err(ApiError::bad_request(format!(
            "reason: longer than {MAX_REASON_BYTES} bytes"
        )));
    }
    let (audit_id, event_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let found =
        licenses::revoke(&ports.database, &actor, &id, &reason, audit_id, &event_id).await?;
    if found {
        Ok(Json(Done::OK))
    } else {
        Err(unknown())
    }
}
