//! `GET /v1/admin/releases/keys/{product}`: the release keys of a product.

use super::super::{product, unknown_product};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::release::ReleaseKey;
use keywright_ports::Database;
use keywright_store::releases::release_keys;
use keywright_web::openapi::{AccessRefusals, Error, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The release keys of a product.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReleaseKeys {
    /// Slug of the product.
    product: String,
    /// Public keys as minisign writes them. Empty: only `ADMIN_KEY` publishes,
    /// and with the first publication says which key it is.
    #[schema(value_type = Vec<String>)]
    public_keys: Vec<ReleaseKey>,
}

/// Shows the public release keys of a product
///
/// What is published has to be signed with one of them.
#[utoipa::path(
    get,
    path = "/v1/admin/releases/keys/{product}",
    operation_id = "getReleaseKeys",
    tag = "releases",
    params(("product" = String, Path, description = "Slug of the product.")),
    responses(
        (status = 200, description = "The keys.", body = ReleaseKeys),
        (status = 400, description = "The product is not a slug.", body = Error),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<Json<ReleaseKeys>, ApiError> {
    let Path(slug) = slug.map_err(|_| ApiError::not_found("there is no such product"))?;
    let slug = product(&slug)?;
    let found = release_keys::find(&database, &slug).await?;
    let found = found.ok_or_else(|| unknown_product(&slug))?;
    Ok(Json(ReleaseKeys {
        product: slug.into(),
        public_keys: found.keys,
    }))
}
