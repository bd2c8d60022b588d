//! `GET /v1/admin/licenses/search`: finds a license by what a buyer has.

use super::search_terms::{LicenseSearch, find};
use super::view::LicensePage;
use axum::extract::State;
use keywright_domain::pasted::Pasted;
use keywright_ports::Database;
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LicenseSearchQuery {
    /// The address it is for; case does not matter.
    buyer_email: Option<String>,
    /// The purchase: our invoice id, or the payment provider's.
    #[param(value_type = Option<String>)]
    invoice_id: Option<Pasted>,
    /// Its id.
    #[param(value_type = Option<String>)]
    license_id: Option<Pasted>,
    /// Refused here: send it in the body of `POST /v1/admin/licenses/search`.
    key: Option<String>,
}

/// Finds the licenses that fit all that is given, newest first. At least one
/// of `buyer_email`, `invoice_id` and `license_id` is required.
#[utoipa::path(
    get,
    path = "/v1/admin/licenses/search",
    operation_id = "searchLicenses",
    tag = "licenses",
    params(LicenseSearchQuery, PageQuery),
    responses(
        (status = 200, description = "A page of licenses.", body = LicensePage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<LicenseSearchQuery>,
) -> Result<LicensePage, ApiError> {
    let asked = list.filter.clone();
    if asked.key.is_some() {
        return Err(ApiError::bad_request(
            "key must not be in the address, where logs and proxies keep it; send it in the body of POST /v1/admin/licenses/search",
        ));
    }
    let search = LicenseSearch {
        buyer_email: asked.buyer_email,
        invoice_id: asked.invoice_id,
        license_id: asked.license_id,
        key: None,
    };
    find(&database, search, &list).await
}
