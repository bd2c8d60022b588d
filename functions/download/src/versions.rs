//! `GET /releases/{product}/`: the versions of a product.

use crate::Ports;
use crate::error::GateError;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use keywright_domain::release::Name;
use keywright_domain::slug::Slug;
use keywright_edge::http::Json;
use serde::Serialize;

/// The version folders, sorted by name.
#[derive(Serialize)]
pub(crate) struct Versions {
    product: String,
    versions: Vec<String>,
}

/// 400 for text that names no product, 404 for an unknown one.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    product: Result<Path<String>, PathRejection>,
) -> Result<Json<Versions>, GateError> {
    let product = product.map(|Path(product)| product).unwrap_or_default();
    let product = Slug::parse(&product).map_err(|error| {
        GateError::new(StatusCode::BAD_REQUEST, "bad path").note(error.to_string())
    })?;
    let listing = ports
        .releases
        .list(product.as_str())
        .await?
        .ok_or_else(|| GateError::new(StatusCode::NOT_FOUND, "product not found"))?;
    let versions = listing
        .folders
        .into_iter()
        .filter(|name| Name::parse(name).is_ok())
        .collect();
    Ok(Json(Versions {
        product: product.into(),
        versions,
    }))
}
