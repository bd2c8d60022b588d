//! `GET /v1/admin/licenses/{id}`: one license with all that belongs to it.

use super::view::LicenseDetail;
use crate::ids::LicenseId;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_ports::Database;
use keywright_store::licenses::license_detail;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// One license with its receipt, its purchase and its machines. Its download id is
/// shown only to a key that may write licenses.
#[utoipa::path(
    get,
    path = "/v1/admin/licenses/{id}",
    operation_id = "getLicense",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the license.")),
    responses(
        (status = 200, description = "The license.", body = LicenseDetail),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    Extension(caller): Extension<Caller>,
    id: LicenseId,
) -> Result<Json<LicenseDetail>, ApiError> {
    let detail = license_detail::find(&database, &id).await?;
    let mut detail = detail.ok_or_else(LicenseId::unknown)?;
    if !caller.may_see_credentials() {
        detail.download_id = None;
    }
    Ok(Json(detail.into()))
}
