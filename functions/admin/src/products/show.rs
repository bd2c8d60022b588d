//! `GET /v1/admin/products/{id}`: one product, on sale or not.

use crate::ids::ProductId;
use axum::extract::State;
use keywright_ports::Database;
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
    State(database): State<Database>,
    id: ProductId,
) -> Result<Json<ProductView>, ApiError> {
    let product = products::get(&database, &id).await?;
    Ok(Json(product.ok_or_else(ProductId::unknown)?.into()))
}
