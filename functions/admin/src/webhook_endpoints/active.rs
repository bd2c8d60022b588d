//! `PATCH /v1/admin/webhook-endpoints/{id}/active`: pauses or resumes.

use crate::ids::WebhookEndpointId;
use crate::{Done, Operator};
use axum::extract::State;
use keywright_ports::{Database, Stamps};
use keywright_store::events::webhook_endpoint_change::{self, WebhookEndpointChanges};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Whether deliveries are sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookEndpointActive {
    /// Whether deliveries are sent.
    active: bool,
}

/// Pauses an endpoint, or sends again. What happens meanwhile is held.
#[utoipa::path(
    patch,
    path = "/v1/admin/webhook-endpoints/{id}/active",
    operation_id = "setWebhookEndpointActive",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the endpoint.")),
    request_body = WebhookEndpointActive,
    responses(
        (status = 200, description = "It is so.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: WebhookEndpointId,
    sent: Result<Json<WebhookEndpointActive>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(WebhookEndpointActive { active }) = sent?;
    let changes = WebhookEndpointChanges {
        active: Some(active),
        ..WebhookEndpointChanges::default()
    };
    let audit_id = stamps.new_id();
    webhook_endpoint_change::change(&database, &actor, &id, &changes, &audit_id)
        .await?
        .map(|_| Json(Done::OK))
        .ok_or_else(WebhookEndpointId::unknown)
}
