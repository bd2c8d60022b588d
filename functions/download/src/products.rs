//! `GET /releases/`: the products that have releases.

use crate::Ports;
use crate::error::GateError;
use axum::extract::State;
use keywright_domain::slug::Slug;
use keywright_edge::http::Json;
use serde::Serialize;

/// The product folders, sorted.
#[derive(Serialize)]
pub(crate) struct Products {
    products: Vec<String>,
}

/// An empty list when there are no releases at all.
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<Products>, GateError> {
    let listing = ports.releases.list("").await?.unwrap_or_default();
    let products = listing
        .folders
        .into_iter()
        .filter(|name| Slug::parse(name).is_ok())
        .collect();
    Ok(Json(Products { products }))
}
