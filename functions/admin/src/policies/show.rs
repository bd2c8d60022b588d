//! `GET /v1/admin/policies/{id}`: one policy.

use super::{PolicyView, unknown};
use crate::Ports;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_store::catalog::policies;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// One policy, hidden and archived ones too.
#[utoipa::path(
    get,
    path = "/v1/admin/policies/{id}",
    operation_id = "getPolicy",
    tag = "policies",
    params(("id" = String, Path, description = "Id of the policy.")),
    responses(
        (status = 200, description = "The policy.", body = PolicyView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<PolicyView>, ApiError> {
    let Path(id) = id.map_err(|_| unknown())?;
    let policy = policies::get(&ports.database, &id).await?;
    Ok(Json(policy.ok_or_else(unknown)?.into()))
}
