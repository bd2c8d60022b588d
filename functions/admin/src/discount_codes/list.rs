//! `GET /v1/admin/discount-codes`: which codes there are.

use super::CodeView;
use crate::Ports;
use axum::Extension;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::access::Caller;
use keywright_domain::page::Position;
use keywright_store::catalog::discount_codes;
use keywright_store::catalog::products;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Codes on a page, usually and at most.
const USUAL: i64 = 200;
const MOST: i64 = 1_000;

/// Which codes to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only those for this product and no other, by its slug.
    product_slug: Option<String>,
    /// Only those that are active, or only those that are not.
    #[param(value_type = Option<bool>)]
    active: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: PageQuery,
}

/// Codes, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiscountCodes {
    /// Disabled and expired ones included.
    discount_codes: Vec<CodeView>,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Lists discount codes
///
/// Newest first, 200 a page where no limit is sent, 1000 at most. 404 for an
/// unknown product.
#[utoipa::path(
    get,
    path = "/v1/admin/discount-codes",
    tag = "discount codes",
    params(Filter, PageQuery),
    responses(
        (status = 200, description = "The codes.", body = DiscountCodes),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    Query(filter): Query<Filter>,
) -> Result<(HeaderMap, Json<DiscountCodes>), ApiError> {
    let page = filter.page.page(USUAL, MOST)?;
    let active = match filter.active.as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(ApiError::bad_request("active: true or false")),
    };
    let product_id = match &filter.product_slug {
        None => None,
        Some(slug) => {
            let product = products::find(&ports.database, slug).await?;
            let unknown = || ApiError::not_found("product_slug: there is no such product");
            Some(product.ok_or_else(unknown)?.id)
        }
    };
    let mut codes =
        discount_codes::list(&ports.database, product_id.as_deref(), active, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut codes, |code| Position {
        at: code.created_at,
        id: code.id.clone(),
    });
    let shown = |code| CodeView::from(code).shown_to(&caller);
    let discount_codes = codes.into_iter().map(shown).collect();
    Ok((
        headers,
        Json(DiscountCodes {
            discount_codes,
            next_cursor,
        }),
    ))
}
