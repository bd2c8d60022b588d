//! `POST /v1/admin/licenses/{id}/unsuspend`: lets a suspended license validate again.

use super::standing::{self, Reason};
use crate::ids::LicenseId;
use crate::{Done, Operator, Ports};
use keywright_store::licenses::license_status::StatusChange;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Ends a suspension: the license validates again. The body may be left out.
/// Repeating it succeeds and changes nothing more; a revoked license is 409.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/{id}/unsuspend",
    operation_id = "unsuspendLicense",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    request_body = Option<Reason>,
    responses(
        (status = 200, description = "It is active.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: LicenseId,
    reason: Result<Option<Json<Reason>>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let reason = reason?.map_or_else(Reason::default, |Json(reason)| reason);
    standing::set(&ports, &actor, id, StatusChange::Unsuspend, reason).await
}
