//! `GET /v1/admin/webhook-deliveries`.

use super::DeliveryView;
use axum::extract::State;
use keywright_domain::page::Position;
use keywright_ports::Database;
use keywright_store::events::webhook_deliveries::{self, DeliveryFilter, WebhookDelivery};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, list_of};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which deliveries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    /// UUID of an endpoint.
    endpoint_id: Option<String>,
    /// UUID of an event.
    event_id: Option<String>,
    /// Such as `license.issued`.
    event_type: Option<String>,
    /// `pending`, `delivered`, `failed` (dead letters, and what was cancelled or expired),
    /// `dead`, `cancelled`, `expired` or `all`, the default.
    #[param(value_type = Option<String>,
            pattern = "^(pending|delivered|failed|dead|cancelled|expired|all)?$")]
    status: Option<DeliveryStatus>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum DeliveryStatus {
    Pending,
    Delivered,
    Failed,
    Dead,
    Cancelled,
    Expired,
    All,
}

impl DeliveryStatus {
    /// The states that it stands for; empty for all.
    const fn states(self) -> &'static [&'static str] {
        match self {
            Self::Pending => &["pending"],
            Self::Delivered => &["delivered"],
            Self::Failed => &["dead", "cancelled", "expired"],
            Self::Dead => &["dead"],
            Self::Cancelled => &["cancelled"],
            Self::Expired => &["expired"],
            Self::All => &[],
        }
    }
}

list_of! {
    /// A page of deliveries.
    Deliveries as WebhookDeliveryPage { webhook_deliveries: DeliveryView }
}

/// Lists deliveries, newest first.
#[utoipa::path(
    get,
    path = "/v1/admin/webhook-deliveries",
    operation_id = "listWebhookDeliveries",
    tag = "webhooks",
    params(DeliveryQuery, PageQuery),
    responses(
        (status = 200, description = "The deliveries.", body = WebhookDeliveryPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    list: List<DeliveryQuery>,
) -> Result<WebhookDeliveryPage, ApiError> {
    let status = list.filter.status.unwrap_or(DeliveryStatus::All);
    let filter = DeliveryFilter {
        endpoint_id: list.filter.endpoint_id.clone(),
        event_id: list.filter.event_id.clone(),
        event_type: list.filter.event_type.clone(),
        states: status.states(),
    };
    let rows = webhook_deliveries::list(&database, &filter, &list.page).await?;
    let position = |delivery: &WebhookDelivery| Position {
        at: delivery.created_at,
        id: delivery.id.clone(),
    };
    Ok(list.answer(rows, position, DeliveryView::from))
}
