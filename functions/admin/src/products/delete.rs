//! `DELETE /v1/admin/products/{id}`: deletes a product that was never sold.

use crate::Operator;
use crate::ids::ProductId;
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::product_change::{self, ProductDeletion};
use keywright_web::openapi::{AccessRefusals, BadQuery, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ProductDeletionQuery {
    /// Whether to delete its policies and discount codes too.
    force: Option<bool>,
}

/// A deleted product.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeletedProduct {
    /// Always `true`.
    ok: bool,
    /// What was deleted with it.
    deleted: DeletedDependents,
}

/// What was deleted with a product.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeletedDependents {
    /// Policies of the product.
    policies: i64,
    /// Discount codes for the product alone.
    discount_codes: i64,
}

/// Deletes a product that was never ordered. With policies or discount codes
/// it is 409 unless `force` is `true`; with an order, a license or a release it
/// is 409 for good: take it off sale instead.
#[utoipa::path(
    delete,
    path = "/v1/admin/products/{id}",
    operation_id = "deleteProduct",
    tag = "products",
    params(("id" = String, Path, description = "Id of the product."), ProductDeletionQuery),
    responses(
        (status = 200, description = "The product is deleted.", body = DeletedProduct),
        BadQuery, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: ProductId,
    StrictQuery(query): StrictQuery<ProductDeletionQuery>,
) -> Result<Json<DeletedProduct>, ApiError> {
    let force = query.force.unwrap_or(false);
    let audit_id = stamps.new_id();
    match product_change::delete(&database, &actor, &id, force, &audit_id).await? {
        ProductDeletion::Deleted(found) => Ok(Json(DeletedProduct {
            ok: true,
            deleted: DeletedDependents {
                policies: found.policies,
                discount_codes: found.discount_codes,
            },
        })),
        ProductDeletion::Sold(found) => Err(ApiError::conflict(format!(
            "the product cannot be deleted: {} orders, {} licenses and {} releases belong to it; take it off sale with PATCH …/active",
            found.invoices, found.licenses, found.releases
        ))),
        ProductDeletion::HasDependents(found) => Err(ApiError::conflict(format!(
            "{} policies and {} discount codes would be deleted with the product; add ?force=true to delete them too",
            found.policies, found.discount_codes
        ))),
        ProductDeletion::Unknown => Err(ProductId::unknown()),
    }
}
