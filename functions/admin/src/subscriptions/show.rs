//! `GET /v1/admin/subscriptions/{id}`.

use super::SubscriptionView;
use crate::ids::SubscriptionId;
use axum::extract::State;
use keywright_ports::Database;
use keywright_store::subscriptions::lookup;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// One subscription.
#[utoipa::path(
    get,
    path = "/v1/admin/subscriptions/{id}",
    operation_id = "getSubscriptionById",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the subscription.")),
    responses(
        (status = 200, description = "The subscription.", body = SubscriptionView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    id: SubscriptionId,
) -> Result<Json<SubscriptionView>, ApiError> {
    let found = lookup::get(&database, &id).await?;
    let found = found.ok_or_else(SubscriptionId::unknown)?;
    Ok(Json(found.into()))
}
