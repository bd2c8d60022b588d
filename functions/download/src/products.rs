//! `GET /releases/`: the products that have releases.

use crate::Ports;
use crate::error::{Body, GateError};
use axum::extract::State;
use keywright_domain::slug::Slug;
use keywright_web::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The product folders, sorted.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleasedProducts)]
pub(crate) struct Products {
    /// Their slugs.
    products: Vec<String>,
}

/// Lists the products that have releases. An empty list when there are none at
/// all.
#[utoipa::path(
    get,
    path = "/releases",
    operation_id = "listReleasedProducts",
    tag = "releases",
    responses(
        (status = 200, description = "The products.", body = Products),
        (status = 503, description = "The storage is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<Products>, GateError> {
    let listing = ports.releases.list("").await?.unwrap_or_default();
    let products = listing
        .folders
        .into_iter()
        .filter(|name| Slug::parse(name).is_ok())
        .collect();
    Ok(Json(Products { products }))
}
