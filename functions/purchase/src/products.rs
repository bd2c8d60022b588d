//! `GET /v1/products`: what is on sale.

use crate::Ports;
use axum::extract::State;
use keywright_edge::http::{ApiError, Json};
use keywright_store::contract::ProductView;
use keywright_store::products;
use serde::Serialize;

/// The products on sale, by slug.
#[derive(Serialize)]
pub(crate) struct Products {
    products: Vec<ProductView>,
}

pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<Products>, ApiError> {
    let products = products::on_sale(&ports.database).await?;
    Ok(Json(Products {
        products: products.into_iter().map(ProductView::from).collect(),
    }))
}
