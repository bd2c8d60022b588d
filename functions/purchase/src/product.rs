//! `GET /v1/products/{slug}`: one product on sale.

use crate::product_lookup;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_ports::Database;
use keywright_services::contract::ProductView;
use keywright_web::openapi::{Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Shows one product on sale
#[utoipa::path(
    get,
    path = "/v1/products/{slug}",
    operation_id = "getProductOnSale",
    tag = "catalogue",
    params(("slug" = String, Path, description = "Slug of the product")),
    responses((status = 200, body = ProductView), Failures, Unknown)
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<Json<ProductView>, ApiError> {
    let slug = slug.map_or_else(|_| String::new(), |Path(slug)| slug);
    let product = product_lookup::on_sale(&database, &slug).await?;
    Ok(Json(product.into()))
}
