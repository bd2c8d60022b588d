//! `GET /v1/admin/webhook-endpoints`.

use super::EndpointView;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_domain::page::Position;
use keywright_ports::{Database, Stamps};
use keywright_store::events::webhook_endpoints::{self, WebhookEndpoint};
use keywright_web::list::PageQuery;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures};
use keywright_web::{ApiError, List, NoFilter, list_of};

list_of! {
    /// A page of webhook endpoints.
    Endpoints as WebhookEndpointPage { webhook_endpoints: EndpointView }
}

/// Lists the endpoints that deliveries go to, newest first
///
/// Their secrets are shown only once, when they are made.
#[utoipa::path(
    get,
    path = "/v1/admin/webhook-endpoints",
    operation_id = "listWebhookEndpoints",
    tag = "webhooks",
    params(PageQuery),
    responses(
        (status = 200, description = "The endpoints.", body = WebhookEndpointPage),
        BadQuery, AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Extension(caller): Extension<Caller>,
    list: List<NoFilter>,
) -> Result<WebhookEndpointPage, ApiError> {
    let rows = webhook_endpoints::list(&database, &list.page).await?;
    let position = |endpoint: &WebhookEndpoint| Position {
        at: endpoint.created_at,
        id: endpoint.id.clone(),
    };
    let now = stamps.now();
    Ok(list.answer(rows, position, |endpoint| {
        EndpointView::of(endpoint, &caller, now)
    }))
}
