//! `DELETE /v1/admin/discount-codes/{id}`: a code that no order hangs on.

use crate::ids::DiscountCodeId;
use crate::{Done, Operator};
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::discount_codes::{self, DiscountCodeDeletion};
use keywright_web::openapi::{AccessRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Deletes a discount code
///
/// 409 when an order was ever made with it, also one that ended unpaid: disable
/// it instead. 404 for an unknown id, so also when it is repeated.
#[utoipa::path(
    delete,
    path = "/v1/admin/discount-codes/{id}",
    operation_id = "deleteDiscountCode",
    tag = "discount codes",
    params(("id" = String, Path, description = "UUID of the code.")),
    responses(
        (status = 200, description = "It is gone.", body = Done),
        AccessRefusals, Conflict, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: DiscountCodeId,
) -> Result<Json<Done>, ApiError> {
    let before = discount_codes::get(&database, &id)
        .await?
        .ok_or_else(DiscountCodeId::unknown)?;
    let audit_id = stamps.new_id();
    match discount_codes::delete(&database, &actor, &before, audit_id).await? {
        DiscountCodeDeletion::Deleted => Ok(Json(Done::OK)),
        DiscountCodeDeletion::Used => Err(ApiError::conflict(
            "the code cannot be deleted because orders used it; disable it instead",
        )),
        DiscountCodeDeletion::Unknown => Err(DiscountCodeId::unknown()),
    }
}
