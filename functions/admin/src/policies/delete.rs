//! `DELETE /v1/admin/policies/{id}`: takes back a policy that nothing uses.

use crate::ids::PolicyId;
use crate::{Done, Operator};
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::policy_change::{self, PolicyDeletion};
use keywright_web::openapi::{AccessRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Deletes a policy that was never used.
///
/// 409 where something was ordered or issued under it, or a discount code names
/// it: archive it instead.
#[utoipa::path(
    delete,
    path = "/v1/admin/policies/{id}",
    operation_id = "deletePolicy",
    tag = "policies",
    params(("id" = String, Path, description = "Id of the policy.")),
    responses(
        (status = 200, description = "It is gone.", body = Done),
        AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: PolicyId,
) -> Result<Json<Done>, ApiError> {
    let audit_id = stamps.new_id();
    match policy_change::delete(&database, &actor, &id, &audit_id).await? {
        PolicyDeletion::Deleted => Ok(Json(Done::OK)),
        PolicyDeletion::InUse(found) => Err(ApiError::conflict(format!(
            "the policy cannot be deleted: {} orders, {} licenses and {} discount codes belong to it; archive it with PATCH …/archived",
            found.invoices, found.licenses, found.discount_codes
        ))),
        PolicyDeletion::Unknown => Err(PolicyId::unknown()),
    }
}
