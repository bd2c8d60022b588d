//! `GET /v1/admin/webhook-deliveries/{id}`: what was sent, and what was answered.

use super::DeliveryView;
use crate::conceal;
use crate::ids::WebhookDeliveryId;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_domain::dates::rfc3339;
use keywright_domain::webhook::body::{WebhookEvent, WebhookFormat, body};
use keywright_ports::Database;
use keywright_store::events::webhook_deliveries::{self, DeliveryDetail, WebhookAttempt};
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// One attempt.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub(crate) struct AttemptView {
    /// RFC 3339.
    started_at: String,
    /// RFC 3339; null while it runs.
    #[schema(required)]
    ended_at: Option<String>,
    /// `delivered`; `refused`: answered with another status than 2xx; `timeout`, `dns`,
    /// `tls` or `unreachable`: not answered; `address_refused`: not an address that this
    /// instance may call; `unsent`: its secret cannot be opened; or `interrupted`: nobody
    /// knows. Null while it runs.
    #[schema(required)]
    outcome: Option<String>,
    /// The answer's status; null without an answer.
    #[schema(required)]
    status: Option<i64>,
    /// The answer's headers, one a line, up to 4096 bytes.
    #[schema(required)]
    answer_head: Option<String>,
    /// The beginning of the answer's body, up to 4096 bytes.
    #[schema(required)]
    answer_body: Option<String>,
}

/// A delivery with its attempts.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDeliveryDetail)]
pub(crate) struct DeliveryDetailView {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The body that is sent; null once its event is purged. Signatures are kept nowhere. A
    /// caller who may not see discount codes does not see their texts here either.
    #[schema(required)]
    body: Option<String>,
    /// Oldest first.
    log: Vec<AttemptView>,
}

/// A delivery, with what was sent and what was answered.
#[utoipa::path(
    get,
    path = "/v1/admin/webhook-deliveries/{id}",
    operation_id = "getWebhookDelivery",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the delivery.")),
    responses(
        (status = 200, description = "The delivery.", body = DeliveryDetailView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    Extension(caller): Extension<Caller>,
    id: WebhookDeliveryId,
) -> Result<Json<DeliveryDetailView>, ApiError> {
    let detail = webhook_deliveries::get(&database, &id).await?;
    let detail = detail.ok_or_else(WebhookDeliveryId::unknown)?;
    Ok(Json(DeliveryDetailView::of(detail, &caller)))
}

impl DeliveryDetailView {
    fn of(detail: DeliveryDetail, caller: &Caller) -> Self {
        let delivery = detail.delivery;
        let data = detail.data.map(|data| {
            if caller.may_see_codes() {
                return data;
            }
            let read = serde_json::from_str(&data).unwrap_or_default();
            conceal::event_data(read, caller).to_string()
        });
        let sent = data.zip(WebhookFormat::parse(&detail.format));
        let body = sent.map(|(data, format)| {
            body(
                format,
                WebhookEvent {
                    event_type: &delivery.event_type,
                    at: delivery.event_at,
                    sequence: delivery.sequence,
                    data: &data,
                },
            )
        });
        Self {
            body,
            delivery: delivery.into(),
            log: detail.attempts.into_iter().map(AttemptView::from).collect(),
        }
    }
}

impl From<WebhookAttempt> for AttemptView {
    fn from(attempt: WebhookAttempt) -> Self {
        Self {
            started_at: rfc3339(attempt.started_at),
            ended_at: attempt.ended_at.map(rfc3339),
            outcome: attempt.outcome,
            status: attempt.status,
            answer_head: attempt.answer_head,
            answer_body: attempt.answer_body,
        }
    }
}
