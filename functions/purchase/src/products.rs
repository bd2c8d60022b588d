//! `GET /v1/products`: what is on sale.

use crate::Ports;
use axum::extract::State;
use keywright_edge::http::openapi::Failures;
use keywright_edge::http::{ApiError, Json};
use keywright_store::contract::ProductView;
use keywright_store::products;
use serde::Serialize;
use utoipa::ToSchema;

/// What is on sale.
#[derive(Serialize, ToSchema)]
#[schema(as = ProductsOnSale)]
pub(crate) struct Products {
    /// By slug.
    products: Vec<ProductView>,
}

/// Lists what is on sale
#[utoipa::path(
    get,
    path = "/v1/products",
    tag = "catalogue",
    responses((status = 200, body = Products), Failures)
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<Products>, ApiError> {
    let products = products::on_sale(&ports.database).await?;
    Ok(Json(Products {
        products: products.into_iter().map(ProductView::from).collect(),
    }))
}
