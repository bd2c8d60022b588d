//! `GET /releases/{product}/`: the versions of a product.

use crate::Ports;
use crate::error::{Body, GateError};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use keywright_domain::slug::Slug;
use keywright_web::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// The versions of a product, the newest first, then folders whose names are no
/// versions.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleasedVersions)]
pub(crate) struct Versions {
    /// The product's slug.
    product: String,
    /// The versions, also those that were yanked.
    versions: Vec<String>,
}

/// Lists the versions of a product.
#[utoipa::path(
    get,
    path = "/releases/{product}",
    operation_id = "listReleasedVersions",
    tag = "releases",
    params(("product" = String, Path, description = "The product's slug.")),
    responses(
        (status = 200, description = "The versions.", body = Versions),
        (status = 400, description = "The path breaks its grammar.", body = Body),
        (status = 404, description = "There is no such product.", body = Body),
        (status = 503, description = "The storage is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    product: Result<Path<String>, PathRejection>,
) -> Result<Json<Versions>, GateError> {
    let product = slug(product)?;
    let (versions, others) = ports
        .manifests
        .versions(&product)
        .await?
        .ok_or_else(unknown)?;
    let versions = versions.iter().map(ToString::to_string);
    let others = others.iter().map(|name| name.as_str().to_owned());
    Ok(Json(Versions {
        product: product.into(),
        versions: versions.chain(others).collect(),
    }))
}

/// The product of a path with one parameter.
pub(crate) fn slug(product: Result<Path<String>, PathRejection>) -> Result<Slug, GateError> {
    let product = product.map(|Path(product)| product).unwrap_or_default();
    Slug::parse(&product).map_err(GateError::bad_path)
}

pub(crate) fn unknown() -> GateError {
    GateError::new(StatusCode::NOT_FOUND, "product not found")
}
