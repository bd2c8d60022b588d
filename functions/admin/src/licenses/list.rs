//! `GET /v1/admin/licenses`: what was sold.

use super::view::{Licenses, answer};
use crate::Ports;
use crate::text::present;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::standing::LicenseStatus;
use keywright_store::licenses::license_list::{self, Filter};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::PageQuery;
use keywright_web::{ApiError, Json, Query};
use serde::Deserialize;
use utoipa::IntoParams;

/// Licenses of a page, where no limit is sent and at most.
pub(super) const USUAL: i64 = 100;
pub(super) const MOST: i64 = 1_000;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Only licenses of this product.
    product_id: Option<String>,
    /// Only licenses of the product of this slug.
    product_slug: Option<String>,
    /// Only licenses in this state: `active`, `suspended` or `revoked`.
    #[param(pattern = "^(active|suspended|revoked)?$")]
    status: Option<String>,
    /// Only licenses for this address; case does not matter.
    buyer_email: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageQuery,
}

/// Lists the licenses that fit every filter, newest first. A filter that names
/// nothing known leaves an empty list.
#[utoipa::path(
    get,
    path = "/v1/admin/licenses",
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
    let page = asked.page.page(USUAL, MOST)?;
    let status = present(asked.status).map(|word| state(&word)).transpose()?;
    let filter = Filter {
        product_id: present(asked.product_id),
        product_slug: present(asked.product_slug),
        status,
        buyer_email: present(asked.buyer_email),
        ..Filter::default()
    };
    let rows = license_list::page(&ports.database, &filter, &page).await?;
    Ok(answer(&uri, &page, rows))
}

fn state(word: &str) -> Result<LicenseStatus, ApiError> {
    LicenseStatus::ALL
        .into_iter()
        .find(|status| status.as_str() == word)
        .ok_or_else(|| ApiError::bad_request("status: active, suspended or revoked"))
}
