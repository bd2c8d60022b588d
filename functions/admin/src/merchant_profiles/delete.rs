//! `DELETE /v1/admin/merchant-profiles/{id}`: a business that nothing uses.

use crate::ids::MerchantProfileId;
use crate::{Done, Operator};
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::merchant_profile_change::{self, MerchantProfileDeletion};
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Deletes a business
///
/// 400 for the default one, and while products name it, a store is connected,
/// or an order through one of its stores is not decided. Its disconnected
/// stores, which old orders name, go to the default business.
#[utoipa::path(
    delete,
    path = "/v1/admin/merchant-profiles/{id}",
    operation_id = "deleteMerchantProfile",
    tag = "merchant profiles",
    params(("id" = String, Path, description = "UUID of the business.")),
    responses(
        (status = 200, description = "It is gone.", body = Done),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: MerchantProfileId,
) -> Result<Json<Done>, ApiError> {
    let audit_id = stamps.new_id();
    match merchant_profile_change::delete(&database, &actor, &id, &audit_id).await? {
        MerchantProfileDeletion::Deleted => Ok(Json(Done::OK)),
        MerchantProfileDeletion::Default => Err(ApiError::bad_request(
            "the default business cannot be deleted; make another one the default first",
        )),
        MerchantProfileDeletion::InUse(found) => Err(ApiError::bad_request(format!(
            "the business cannot be deleted: it has {} products, {} connected stores and {} pending orders; move the products, disconnect the stores, and wait for the orders",
            found.products, found.providers, found.orders
        ))),
        MerchantProfileDeletion::Unknown => Err(MerchantProfileId::unknown()),
    }
}
