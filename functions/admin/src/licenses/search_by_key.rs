//! `POST /v1/admin/licenses/search`: finds a license by what a buyer has. A license key
//! is a secret, and addresses end up in logs, so it goes into the body.

use super::search_terms::{LicenseSearch, find};
use super::view::Licenses;
use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::page::PageQuery;
use keywright_web::{ApiError, Json, Query};

/// Finds the licenses that fit all that is given, newest first. At least one
/// of `buyer_email`, `invoice_id`, `license_id` and `key` is required.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/search",
    tag = "licenses",
    params(PageQuery),
    request_body = LicenseSearch,
    responses(
        (status = 200, description = "A page of licenses.", body = Licenses),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    page: Result<Query<PageQuery>, ApiError>,
    search: Result<Json<LicenseSearch>, ApiError>,
) -> Result<(HeaderMap, Json<Licenses>), ApiError> {
    let (Query(page), Json(search)) = (page?, search?);
    find(&ports, &uri, search, &page).await
}
