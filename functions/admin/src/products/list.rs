//! `GET /v1/admin/products`: every product, on sale or not.

use axum::extract::State;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_services::contract::ProductView;
use keywright_store::catalog::products;
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, NoFilter, list_of};

list_of! {
    /// A page of products.
    Products as ProductPage { products: ProductView }
}

/// Lists every product, on sale or not, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/products",
    operation_id = "listProducts",
    tag = "products",
    params(PageQuery),
    responses(
        (status = 200, description = "A page of products.", body = ProductPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<NoFilter>,
) -> Result<ProductPage, ApiError> {
    let rows = products::page(&database, &list.page).await?;
    let position = |row: &products::Product| Position {
        at: row.created_at,
        id: row.id.clone(),
    };
    Ok(list.answer(rows, position, ProductView::from))
}
