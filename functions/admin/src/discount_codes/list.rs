//! `GET /v1/admin/discount-codes`: which codes there are.

use super::CodeView;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_domain::page::Position;
use keywright_domain::pasted::PastedLower;
use keywright_ports::Database;
use keywright_store::catalog::discount_codes::{self, DiscountCode};
use keywright_store::catalog::products;
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, List, list_of};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which codes; all of these have to fit.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DiscountCodeFilter {
    /// Only those for this product and no other, by its slug.
    #[param(value_type = Option<String>)]
    product_slug: Option<PastedLower>,
    /// Only those that are active, or only those that are not.
    active: Option<bool>,
}

list_of! {
    /// A page of discount codes, disabled and expired ones included.
    DiscountCodes as DiscountCodePage { discount_codes: CodeView }
}

/// Lists discount codes
///
/// Newest first, 404 for an
/// unknown product.
#[utoipa::path(
    get,
    path = "/v1/admin/discount-codes",
    operation_id = "listDiscountCodes",
    tag = "discount codes",
    params(DiscountCodeFilter, PageQuery),
    responses(
        (status = 200, description = "The codes.", body = DiscountCodePage),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    Extension(caller): Extension<Caller>,
    list: List<DiscountCodeFilter>,
) -> Result<DiscountCodePage, ApiError> {
    let slug = list.filter.product_slug.clone();
    let product_id = match slug.and_then(PastedLower::present) {
        None => None,
        Some(slug) => {
            let product = products::find(&database, &slug).await?;
            let unknown = || ApiError::not_found("there is no product with this product_slug");
            Some(product.ok_or_else(unknown)?.id)
        }
    };
    let active = list.filter.active;
    let rows = discount_codes::list(&database, product_id.as_deref(), active, &list.page).await?;
    let position = |code: &DiscountCode| Position {
        at: code.created_at,
        id: code.id.clone(),
    };
    Ok(list.answer(rows, position, |code| {
        CodeView::from(code).shown_to(&caller)
    }))
}
