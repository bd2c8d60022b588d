//! `POST /v1/admin/webhook-endpoints`: a new endpoint.

use super::{EndpointView, rules};
use crate::{Operator, Ports};
use axum::Extension;
use keywright_domain::access::Caller;
use keywright_domain::webhook::body::WebhookFormat;
use keywright_services::webhook_secrets::{EndpointSecret, EndpointSigningKey};
use keywright_store::catalog::products;
use keywright_store::events::webhook_endpoints::{
    self, EndpointCreation, MAX_ENDPOINTS, NewWebhookEndpoint,
};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where deliveries shall go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookEndpointCreation)]
pub(crate) struct NewEndpoint {
    /// An `https` URL on the public internet, at most 2000 bytes.
    #[schema(example = "https://hooks.example.com/keywright", max_length = 2_000)]
    url: String,
    /// What you call it, at most 200 bytes.
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Which events it is sent; all where it is left out.
    #[schema(min_items = 1, max_items = 50)]
    event_types: Option<Vec<String>>,
    /// UUID of the product whose events it is sent; all where it is left out.
    product_id: Option<String>,
    /// `standard`, the default, or `keysat`.
    #[schema(pattern = "^(standard|keysat)$")]
    format: Option<String>,
    /// A secret of your own; one is made where it is left out.
    #[schema(min_length = 24, max_length = 200)]
    secret: Option<String>,
    /// Whether deliveries in the standard format carry an Ed25519 signature (`v1a`) beside
    /// the HMAC.
    ed25519: Option<bool>,
}

/// An endpoint with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedWebhookEndpoint)]
pub(crate) struct EndpointWithSecret {
    #[serde(flatten)]
    endpoint: EndpointView,
    /// What deliveries are signed with.
    secret: String,
}

impl EndpointWithSecret {
    pub(super) fn new(endpoint: EndpointView, secret: &EndpointSecret) -> Self {
        Self {
            endpoint,
            secret: secret.expose().to_owned(),
        }
    }
}

/// Makes an endpoint. It is sent what happens from now on
///
/// Its secret is in this answer and never again. 503 while `WEBHOOK_KEY` is not
/// configured; 409 at 100 endpoints.
#[utoipa::path(
    post,
    path = "/v1/admin/webhook-endpoints",
    operation_id = "createWebhookEndpoint",
    tag = "webhooks",
    request_body = NewEndpoint,
    responses(
        (status = 200, description = "The endpoint with its secret.", body = EndpointWithSecret),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    Extension(caller): Extension<Caller>,
    new: Result<Json<NewEndpoint>, ApiError>,
) -> Result<Json<EndpointWithSecret>, ApiError> {
    let Json(new) = new?;
    let vault = ports.webhooks.vault()?;
    let url = ports.webhooks.url(&new.url)?;
    let description = new.description.unwrap_or_default();
    rules::description(&description)?;
    let event_types = new.event_types.unwrap_or_else(|| vec!["*".to_owned()]);
    let event_types = rules::event_types(event_types)?;
    let format = new
        .format
        .as_deref()
        .map_or(Ok(WebhookFormat::Standard), rules::format)?;
    let secret = match &new.secret {
        None => EndpointSecret::generate(&ports.stamps),
        Some(text) => EndpointSecret::parse(text, format)
            .map_err(|error| ApiError::bad_request(error.to_string()))?,
    };
    if let Some(id) = &new.product_id
        && products::get(&ports.database, id).await?.is_none()
    {
        return Err(ApiError::not_found("product_id: there is no such product"));
    }
    let id = ports.stamps.new_id();
    let sealing = || ApiError::internal("a webhook secret could not be sealed".to_owned());
    let signing = if new.ed25519 == Some(true) {
        let key = EndpointSigningKey::generate(&ports.stamps);
        let sealed = vault.seal_signing_key(&ports.stamps, &id, &key);
        Some((sealed.ok_or_else(sealing)?, key.public_text()))
    } else {
        None
    };
    let sealed = vault
        .seal(&ports.stamps, &id, &secret)
        .ok_or_else(sealing)?;
    let new = NewWebhookEndpoint {
        id,
        url,
        description,
        event_types,
        product_id: new.product_id,
        format: format.as_str(),
        secret: sealed,
        signing,
    };
    let audit_id = ports.stamps.new_id();
    match webhook_endpoints::create(&ports.database, &actor, &new, audit_id).await? {
        EndpointCreation::Created(endpoint) => Ok(Json(EndpointWithSecret::new(
            EndpointView::of(*endpoint, &caller, actor.at),
            &secret,
        ))),
        EndpointCreation::TooMany => Err(ApiError::conflict(format!(
            "there are {MAX_ENDPOINTS} endpoints already; delete one first"
        ))),
    }
}
