//! `GET /v1/admin/webhook-endpoints/{id}`.

use super::EndpointView;
use crate::ids::WebhookEndpointId;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_ports::{Database, Stamps};
use keywright_store::events::webhook_endpoints;
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};

/// An endpoint, without its secret.
#[utoipa::path(
    get,
    path = "/v1/admin/webhook-endpoints/{id}",
    operation_id = "getWebhookEndpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the endpoint.")),
    responses(
        (status = 200, description = "The endpoint.", body = EndpointView),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Extension(caller): Extension<Caller>,
    id: WebhookEndpointId,
) -> Result<Json<EndpointView>, ApiError> {
    let endpoint = webhook_endpoints::get(&database, &id).await?;
    let endpoint = endpoint.ok_or_else(WebhookEndpointId::unknown)?;
    Ok(Json(EndpointView::of(endpoint, &caller, stamps.now())))
}
