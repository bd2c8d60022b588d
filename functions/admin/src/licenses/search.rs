//! `GET` and `POST /v1/admin/licenses/search`: finds a license by what a buyer has.
//! A license key is a secret, and addresses end up in logs, so it goes into the body.

use super::list::{MOST, USUAL};
use super::view::{Licenses, answer};
use crate::Ports;
use crate::text::present;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_license::LicenseKey;
use keywright_store::licenses::license_list::{self, Filter};
use keywright_web::openapi::{AccessRefusals, BadQuery, BodyRefusals, Conflict, Failures};
use keywright_web::page::PageQuery;
use keywright_web::{ApiError, Json, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

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

/// What a buyer has; all that is given has to fit.
#[derive(Deserialize, ToSchema)]
pub(crate) struct LicenseSearch {
    /// The address it is for; case does not matter.
    buyer_email: Option<String>,
    /// The purchase: our invoice id, or the payment provider's.
    invoice_id: Option<String>,
    /// Its id.
    license_id: Option<String>,
    /// A `LIC1-…` key. Only its license id is looked at: the signature is not
    /// checked, so a key that is found here need not be a good one.
    key: Option<String>,
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
    security(("operator" = ["licenses:read"]))
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
    security(("operator" = ["licenses:read"]))
)]
pub(crate) async fn by_secret(
    State(ports): State<Ports>,
    uri: Uri,
    page: Result<Query<PageQuery>, ApiError>,
    search: Result<Json<LicenseSearch>, ApiError>,
) -> Result<(HeaderMap, Json<Licenses>), ApiError> {
    let (Query(page), Json(search)) = (page?, search?);
    find(&ports, &uri, search, &page).await
}

async fn find(
    ports: &Ports,
    uri: &Uri,
    search: LicenseSearch,
    page: &PageQuery,
) -> Result<(HeaderMap, Json<Licenses>), ApiError> {
    let page = page.page(USUAL, MOST)?;
    let key_license_id = present(search.key)
        .map(|key| license_in(&key))
        .transpose()?;
    let filter = Filter {
        buyer_email: present(search.buyer_email),
        invoice_id: present(search.invoice_id),
        license_id: present(search.license_id),
        key_license_id,
        ..Filter::default()
    };
    let given = [
        &filter.buyer_email,
        &filter.invoice_id,
        &filter.license_id,
        &filter.key_license_id,
    ];
    if given.into_iter().all(Option::is_none) {
        return Err(ApiError::bad_request(
            "send buyer_email, invoice_id or license_id; or key, in the body of a POST",
        ));
    }
    let rows = license_list::page(&ports.database, &filter, &page).await?;
    Ok(answer(uri, &page, rows))
}

/// The license that a key names, whoever wrote the key.
fn license_in(key: &str) -> Result<String, ApiError> {
    let key =
        LicenseKey::parse(key).map_err(|error| ApiError::bad_request(format!("key: {error}")))?;
    Ok(key.unverified_payload().license_id().to_string())
}
