//! `POST /v1/admin/licenses/{id}/revoke`: ends a license for good.

use super::standing::{self, Reason};
use crate::ids::LicenseId;
use crate::{Done, Operator, Ports};
use keywright_store::licenses::license_status::StatusChange;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Ends a license for good: from now on it does not validate. Repeating it
/// succeeds and changes nothing more.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/revoke",
    operation_id = "revokeLicense",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    request_body = Reason,
    responses(
        (status = 200, description = "It is revoked.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: LicenseId,
    reason: Result<Json<Reason>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(reason) = reason?;
    standing::set(&ports, &actor, id, StatusChange::Revoke, reason).await
}
