//! `GET /v1/admin/licenses/search`: finds a license by what a buyer has.

use super::search_terms::{LicenseSearch, find};
use super::view::Licenses;
use crate::Ports;
use crate::text::present;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::PageQuery;
use keywright_web::{ApiError, Json, Query};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The address it is for; case does not matter.
    buyer_email: Option<String>,
    /// The purchase: our invoice id, or the payment provider's.
    invoice_id: Option<String>,
    /// Its id.
    license_id: Option<String>,
    /// Refused here: send it in the body of `POST /v1/admin/licenses/search`.
    key: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageQuery,
}

/// Finds the licenses that fit all that is given, newest first. At least one
/// of `buyer_email`, `invoice_id` and `license_id` is required.
#[utoipa::path(
    get,
    path = "/v1/admin/licenses/search",
    tag = "licenses",
    params(Asked, PageQuery),
    responses(
        (status = 200, description = "A page of licenses.", body = Licenses),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    asked: Result<Query<Asked>, ApiError>,
) -> Result<(HeaderMap, Json<Licenses>), ApiError> {
    let Query(asked) = asked?;
    if present(asked.key).is_some() {
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
    find(&ports, &uri, search, &asked.page).await
}
