//! `GET /v1/admin/products/{id}`: one product, on sale or not.

use crate::Ports;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_services::contract::ProductView;
use keywright_store::catalog::products;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// One product, on sale or not.
#[utoipa::path(
    get,
    path = "/v1/admin/products/{id}",
    operation_id = "getProduct",
    tag = "products",
    params(("id" = String, Path, description = "Id of the product.")),
    responses(
        (status = 200, description = "The product.", body = ProductView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ProductView>, ApiError> {
    let unknown = || ApiError::not_found("there is no such product");
    let Path(id) = id.map_err(|_| unknown())?;
    let product = products::get(&ports.database, &id).await?;
    Ok(Json(product.ok_or_else(unknown)?.into()))
}
