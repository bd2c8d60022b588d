//! `PATCH /v1/admin/webhook-endpoints/{id}`: changes the members that are sent.

use super::{EndpointView, WebhookRules, rules};
use crate::Operator;
use crate::ids::WebhookEndpointId;
use crate::text::nullable;
use axum::Extension;
use axum::extract::State;
use keywright_domain::access::Caller;
use keywright_domain::webhook::body::WebhookFormat;
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::products;
use keywright_store::events::webhook_endpoint_change::{self, WebhookEndpointChanges};
use keywright_store::events::webhook_endpoints;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Only what is sent is changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookEndpointChange)]
pub(crate) struct EndpointChange {
    /// Where deliveries go from now on, those that wait included.
    #[schema(max_length = 2_000)]
    url: Option<String>,
    /// What you call it, at most 200 bytes.
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Which events it is sent. What waits and is not among them is cancelled.
    #[schema(min_items = 1, max_items = 50)]
    event_types: Option<Vec<String>>,
    /// UUID of the product whose events it is sent; null for all.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    product_id: Option<Option<String>>,
    /// `standard` or `keysat`; what waits is sent in the new format.
    #[schema(pattern = "^(standard|keysat)$")]
    format: Option<String>,
    /// False pauses: sending stops and recording does not. True sends again, beginning
    /// with what was held, with a clean record of health.
    active: Option<bool>,
}

/// Changes an endpoint. What changes nothing is a success that is not recorded.
///
/// 409 if its secret does not fit the new format.
#[utoipa::path(
    patch,
    path = "/v1/admin/webhook-endpoints/{id}",
    operation_id = "updateWebhookEndpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the endpoint.")),
    request_body = EndpointChange,
    responses(
        (status = 200, description = "The endpoint as it now is.", body = EndpointView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    State(webhooks): State<WebhookRules>,
    Operator(actor): Operator,
    Extension(caller): Extension<Caller>,
    id: WebhookEndpointId,
    change: Result<Json<EndpointChange>, ApiError>,
) -> Result<Json<EndpointView>, ApiError> {
    let Json(change) = change?;
    let format = change.format.as_deref().map(rules::format).transpose()?;
    if format == Some(WebhookFormat::Standard) {
        fits_the_standard(&database, &webhooks, &id).await?;
    }
    change
        .description
        .as_deref()
        .map_or(Ok(()), rules::description)?;
    if let Some(Some(product_id)) = &change.product_id
        && products::get(&database, product_id).await?.is_none()
    {
        return Err(ApiError::not_found("product_id: there is no such product"));
    }
    let changes = WebhookEndpointChanges {
        url: change
            .url
            .as_deref()
            .map(|url| webhooks.url(url))
            .transpose()?,
        description: change.description,
        event_types: change.event_types.map(rules::event_types).transpose()?,
        product_id: change.product_id,
        format: format.map(WebhookFormat::as_str),
        active: change.active,
    };
    let audit_id = stamps.new_id();
    let changed =
        webhook_endpoint_change::change(&database, &actor, &id, &changes, &audit_id).await?;
    let changed = changed.ok_or_else(WebhookEndpointId::unknown)?;
    Ok(Json(EndpointView::of(changed, &caller, actor.at)))
}

/// Refuses the standard format for a secret that has not its form.
async fn fits_the_standard(
    database: &Database,
    webhooks: &WebhookRules,
    id: &WebhookEndpointId,
) -> Result<(), ApiError> {
    let sealed = webhook_endpoints::sealed_secret(database, id).await?;
    let sealed = sealed.ok_or_else(WebhookEndpointId::unknown)?;
    let secret = webhooks.vault()?.open(id, &sealed);
    if secret.is_some_and(|secret| secret.fits(WebhookFormat::Standard)) {
        return Ok(());
    }
    Err(ApiError::conflict(
        "the endpoint's secret does not have the form of the standard format; rotate it first",
    ))
}
