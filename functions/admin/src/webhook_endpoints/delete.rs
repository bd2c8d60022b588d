//! `DELETE /v1/admin/webhook-endpoints/{id}`.

use crate::ids::WebhookEndpointId;
use crate::{Done, Operator};
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::events::webhook_endpoint_change;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// Deletes an endpoint. Nothing is sent to it after this answer; what waits is cancelled,
/// and its deliveries stay in the list.
#[utoipa::path(
    delete,
    path = "/v1/admin/webhook-endpoints/{id}",
    operation_id = "deleteWebhookEndpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the endpoint.")),
    responses(
        (status = 200, description = "It is deleted.", body = Done),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: WebhookEndpointId,
) -> Result<Json<Done>, ApiError> {
    let audit_id = stamps.new_id();
    if webhook_endpoint_change::delete(&database, &actor, &id, &audit_id).await? {
        return Ok(Json(Done::OK));
    }
    Err(WebhookEndpointId::unknown())
}
