//! `GET /v1/admin/licenses`: what was sold.

use super::view::{LicensePage, answer};
use axum::extract::State;
use keywright_domain::pasted::{Pasted, PastedLower};
use keywright_domain::standing::LicenseStatus;
use keywright_ports::Database;
use keywright_store::licenses::license_list;
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which licenses; all of these have to fit.
#[derive(Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LicenseFilter {
    /// Only licenses of this product.
    #[param(value_type = Option<String>)]
    product_id: Option<Pasted>,
    /// Only licenses of the product of this slug.
    #[param(value_type = Option<String>)]
    product_slug: Option<PastedLower>,
    /// Only licenses in this state: `active`, `suspended` or `revoked`.
    #[param(value_type = Option<String>, pattern = "^(active|suspended|revoked)?$")]
    status: Option<LicenseStatus>,
    /// Only licenses for this address; case does not matter.
    buyer_email: Option<String>,
}

/// Lists the licenses that fit every filter, newest first. A filter that names
/// nothing known leaves an empty list.
#[utoipa::path(
    get,
    path = "/v1/admin/licenses",
    operation_id = "listLicenses",
    tag = "licenses",
    params(LicenseFilter, PageQuery),
    responses(
        (status = 200, description = "A page of licenses.", body = LicensePage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<LicenseFilter>,
) -> Result<LicensePage, ApiError> {
    let asked = list.filter.clone();
    let filter = license_list::Filter {
        product_id: asked.product_id.and_then(Pasted::id),
        product_slug: asked.product_slug.and_then(PastedLower::present),
        status: asked.status,
        buyer_email: asked.buyer_email,
        ..license_list::Filter::default()
    };
    let rows = license_list::page(&database, &filter, &list.page).await?;
    Ok(answer(&list, rows))
}
