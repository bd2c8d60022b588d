//! `GET /v1/products/{slug}`: one product on sale.

use crate::Ports;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::slug::Slug;
use keywright_services::contract::ProductView;
use keywright_store::catalog::products::{self, Product};
use keywright_web::openapi::{Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Shows one product on sale
#[utoipa::path(
    get,
    path = "/v1/products/{slug}",
    tag = "catalogue",
    params(("slug" = String, Path, description = "Slug of the product")),
    responses((status = 200, body = ProductView), Failures, Unknown)
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<Json<ProductView>, ApiError> {
    let product = on_sale(&ports, slug.ok().map(|Path(slug)| slug)).await?;
    Ok(Json(product.into()))
}

/// The product on sale with this slug; text that is no slug names none.
pub(crate) async fn on_sale(ports: &Ports, slug: Option<String>) -> Result<Product, ApiError> {
    let product = known(ports, &slug.unwrap_or_default()).await?;
    if product.active {
        Ok(product)
    } else {
        Err(unknown())
    }
}

/// The product with this slug, on sale or not.
pub(crate) async fn known(ports: &Ports, slug: &str) -> Result<Product, ApiError> {
    let slug = Slug::parse(slug).map_err(|_| unknown())?;
    products::find(&ports.database, slug.as_str())
        .await?
        .ok_or_else(unknown)
}

fn unknown() -> ApiError {
    ApiError::not_found("no product with this slug is on sale")
}
