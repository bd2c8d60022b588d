//! `GET /v1/admin/products`: every product, on sale or not.

use crate::Ports;
use axum::extract::State;
use http::{HeaderMap, Uri};
use keywright_domain::page::Position;
use keywright_services::contract::ProductView;
use keywright_store::catalog::products;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::page::{PageQuery, end_page};
use keywright_web::{ApiError, Json, Query};
use serde::Serialize;
use utoipa::ToSchema;

/// Products of a page, where no limit is sent and at most.
const USUAL: i64 = 100;
const MOST: i64 = 1_000;

/// A page of products.
#[derive(Serialize, ToSchema)]
#[schema(as = ProductPage)]
pub(crate) struct Products {
    /// The newest first.
    products: Vec<ProductView>,
    /// Cursor of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// Lists every product, on sale or not, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/products",
    tag = "products",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of products.", body = Products),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    uri: Uri,
    asked: Result<Query<PageQuery>, ApiError>,
) -> Result<(HeaderMap, Json<Products>), ApiError> {
    let page = asked?.0.page(USUAL, MOST)?;
    let mut rows = products::page(&ports.database, &page).await?;
    let (headers, next_cursor) = end_page(&page, &uri, &mut rows, |row| Position {
        at: row.created_at,
        id: row.id.clone(),
    });
    let products = rows.into_iter().map(ProductView::from).collect();
    Ok((
        headers,
        Json(Products {
            products,
            next_cursor,
        }),
    ))
}
