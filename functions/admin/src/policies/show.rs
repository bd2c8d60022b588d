//! `GET /v1/admin/policies/{id}`: one policy.

use super::PolicyView;
use crate::ids::PolicyId;
use axum::extract::State;
use keywright_ports::Database;
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
    State(database): State<Database>,
    id: PolicyId,
) -> Result<Json<PolicyView>, ApiError> {
    let policy = policies::get(&database, &id).await?;
    Ok(Json(policy.ok_or_else(PolicyId::unknown)?.into()))
}
