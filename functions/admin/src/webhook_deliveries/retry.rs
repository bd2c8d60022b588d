//! `POST /v1/admin/webhook-deliveries/{id}/retry`.

use super::DeliveryView;
use crate::ids::WebhookDeliveryId;
use crate::{Operator, Ports};
use keywright_store::events::webhook_deliveries::{self, RetryOutcome};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};

/// Starts a delivery again: due now, with ten attempts before it
///
/// Whatever became of it before. 409 once its event is purged or its endpoint deleted. A
/// body is not needed.
#[utoipa::path(
    post,
    path = "/v1/admin/webhook-deliveries/{id}/retry",
    operation_id = "retryWebhookDelivery",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the delivery.")),
    responses(
        (status = 200, description = "It is pending.", body = DeliveryView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: WebhookDeliveryId,
) -> Result<Json<DeliveryView>, ApiError> {
    let audit_id = ports.stamps.new_id();
    match webhook_deliveries::retry(&ports.database, &actor, &id, &audit_id).await? {
        RetryOutcome::Pending(delivery) => Ok(Json((*delivery).into())),
        RetryOutcome::Purged => Err(ApiError::conflict(
            "the event of this delivery is purged, so there is nothing to send any more",
        )),
        RetryOutcome::EndpointDeleted => Err(ApiError::conflict(
            "the endpoint of this delivery was deleted",
        )),
        RetryOutcome::Unknown => Err(WebhookDeliveryId::unknown()),
    }
}
