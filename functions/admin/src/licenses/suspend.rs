//! `POST /v1/admin/licenses/{id}/suspend`: holds a license back.

use super::standing::{self, Reason};
use crate::ids::LicenseId;
use crate::{Done, Operator, Ports};
use keywright_store::licenses::license_status::StatusChange;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Holds a license back: from now on it does not validate. Repeating it
/// succeeds and changes nothing more; a revoked license is 409.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/suspend",
    operation_id = "suspendLicense",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    request_body = Reason,
    responses(
        (status = 200, description = "It is suspended.", body = Done),
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
    standing::set(&ports, &actor, id, StatusChange::Suspend, reason).await
}
