//! `POST /v1/admin/licenses/search`: finds a license by what a buyer has. A license key
//! is a secret, and addresses end up in logs, so it goes into the body.

use super::search_terms::{LicenseSearch, find};
use super::view::LicensePage;
use keywright_ports::Database;
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures};
use keywright_web::{ApiError, Attempted, Json, List, NoFilter};

/// Finds the licenses that fit all that is given, newest first. At least one
/// of `buyer_email`, `invoice_id`, `license_id` and `key` is required.
#[utoipa::path(
    post,
    path = "/v1/admin/licenses/search",
    operation_id = "searchLicensesByKey",
    tag = "licenses",
    params(PageQuery),
    request_body = LicenseSearch,
    responses(
        (status = 200, description = "A page of licenses.", body = LicensePage),
        BodyRefusals, AccessRefusals, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(database): Attempted<Database>,
    list: List<NoFilter>,
    Json(search): Json<LicenseSearch>,
) -> Result<LicensePage, ApiError> {
    find(&database, search, &list).await
}
