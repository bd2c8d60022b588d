//! Deliveries to webhook endpoints, one route per file.

pub(crate) mod list;
pub(crate) mod retry;
pub(crate) mod show;

use keywright_domain::dates::rfc3339;
use keywright_store::events::webhook_deliveries::WebhookDelivery;
use serde::Serialize;
use utoipa::ToSchema;

/// One event on its way to one endpoint.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct DeliveryView {
    /// UUID; `X-Keysat-Delivery` in the keysat format.
    id: String,
    /// UUID of the endpoint.
    endpoint_id: String,
    /// The host that it goes to, and a few digits that change with the rest of the URL.
    endpoint_url: String,
    /// UUID of the event; `webhook-id` in the standard format.
    event_id: String,
    /// Such as `license.issued`.
    #[schema(example = "license.issued")]
    event_type: String,
    /// The event's number; null for a test.
    #[schema(required)]
    sequence: Option<i64>,
    /// When the event happened, RFC 3339.
    event_at: String,
    /// `pending`, `delivered`, `dead` (a dead letter, after ten attempts), `cancelled` or
    /// `expired`.
    #[schema(pattern = "^(pending|delivered|dead|cancelled|expired)$")]
    state: String,
    /// Why it ended so; null while it is pending and when it was delivered.
    #[schema(required)]
    reason: Option<String>,
    /// Failed attempts since it was last started.
    attempts: i64,
    /// Not attempted before this time, RFC 3339; null once it has ended.
    #[schema(required)]
    next_attempt_at: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339; null while it is pending.
    #[schema(required)]
    ended_at: Option<String>,
}

impl From<WebhookDelivery> for DeliveryView {
    fn from(delivery: WebhookDelivery) -> Self {
        Self {
            id: delivery.id,
            endpoint_id: delivery.endpoint_id,
            endpoint_url: delivery.url_label,
            event_id: delivery.event_id,
            event_type: delivery.event_type,
            sequence: delivery.sequence,
            event_at: rfc3339(delivery.event_at),
            state: delivery.state,
            reason: delivery.reason,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at.map(rfc3339),
            created_at: rfc3339(delivery.created_at),
            ended_at: delivery.ended_at.map(rfc3339),
        }
    }
}
