//! `GET /v1/admin/licenses/{id}`: one license with all that belongs to it.

use super::view::LicenseDetail;
use crate::Ports;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::access::Caller;
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
    State(ports): State<Ports>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<LicenseDetail>, ApiError> {
    let unknown = || ApiError::not_found("there is no such license");
    let Path(id) = id.map_err(|_| unknown())?;
    let detail = license_detail::find(&ports.database, &id).await?;
    let mut detail = detail.ok_or_else(unknown)?;
    if !caller.may_see_credentials() {
        detail.download_id = None;
    }
    Ok(Json(detail.into()))
}
