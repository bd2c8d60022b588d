//! `POST /v1/admin/webhook-endpoints/{id}/test`.

use crate::ids::WebhookEndpointId;
use crate::webhook_deliveries::DeliveryView;
use crate::{Operator, Ports};
use keywright_store::events::webhook_deliveries;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Sends a test to an endpoint, at the next tick
///
/// Its type is `webhook.test` and its ids exist nowhere else, so that no receiver takes it
/// for something that happened. It is in no feed. A body is not needed.
#[utoipa::path(
    post,
    path = "/v1/admin/webhook-endpoints/{id}/test",
    operation_id = "testWebhookEndpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the endpoint.")),
    responses(
        (status = 200, description = "The delivery, which is pending.", body = DeliveryView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: WebhookEndpointId,
) -> Result<Json<DeliveryView>, ApiError> {
    let new_id = || ports.stamps.new_id();
    let ids = [new_id(), new_id(), new_id()];
    let delivery = webhook_deliveries::test(&ports.database, &actor, &id, ids).await?;
    let delivery = delivery.ok_or_else(WebhookEndpointId::unknown)?;
    Ok(Json(delivery.into()))
}
