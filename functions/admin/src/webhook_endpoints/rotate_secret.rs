//! `POST /v1/admin/webhook-endpoints/{id}/rotate-secret`.

use super::EndpointView;
use super::create::EndpointWithSecret;
use crate::ids::WebhookEndpointId;
use crate::{Operator, Ports};
use axum::Extension;
use keywright_domain::access::Caller;
use keywright_services::webhook_secrets::{EndpointSecret, EndpointSigningKey};
use keywright_store::events::{webhook_endpoint_change, webhook_endpoints};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// For how long both secrets sign where nobody says otherwise, in hours.
const DEFAULT_OVERLAP_HOURS: i64 = 24;
/// For how long at most: a month.
const MAX_OVERLAP_HOURS: i64 = 31 * 24;

/// How the secret is rotated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretRotation {
    /// For how many hours deliveries are signed with both secrets; 24 where it is left out,
    /// 0 if the old one leaked.
    #[schema(minimum = 0, maximum = 744, default = 24)]
    overlap_hours: Option<i64>,
}

/// Puts a new secret in place of the old one
///
/// And a new Ed25519 key, where there is one. The new secret is in this answer and never again. Until the overlap ends deliveries are
/// signed with both secrets.
#[utoipa::path(
    post,
    path = "/v1/admin/webhook-endpoints/{id}/rotate-secret",
    operation_id = "rotateWebhookSecret",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the endpoint.")),
    request_body = SecretRotation,
    responses(
        (status = 200, description = "The endpoint with its new secret.", body = EndpointWithSecret),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    Extension(caller): Extension<Caller>,
    id: WebhookEndpointId,
    rotation: Result<Json<SecretRotation>, ApiError>,
) -> Result<Json<EndpointWithSecret>, ApiError> {
    let Json(SecretRotation { overlap_hours }) = rotation?;
    let overlap = overlap_hours.unwrap_or(DEFAULT_OVERLAP_HOURS);
    if !(0..=MAX_OVERLAP_HOURS).contains(&overlap) {
        return Err(ApiError::bad_request(format!(
            "overlap_hours must be from 0 to {MAX_OVERLAP_HOURS}"
        )));
    }
    let vault = ports.webhooks.vault()?;
    let before = webhook_endpoints::get(&ports.database, &id).await?;
    let before = before.ok_or_else(WebhookEndpointId::unknown)?;
    let secret = EndpointSecret::generate(&ports.stamps);
    let sealing = || ApiError::internal("a webhook secret could not be sealed".to_owned());
    let sealed = vault
        .seal(&ports.stamps, &id, &secret)
        .ok_or_else(sealing)?;
    let signing = if before.signing_key.is_some() {
        let key = EndpointSigningKey::generate(&ports.stamps);
        let sealed = vault.seal_signing_key(&ports.stamps, &id, &key);
        Some((sealed.ok_or_else(sealing)?, key.public_text()))
    } else {
        None
    };
    let signing = signing
        .as_ref()
        .map(|(seed, key)| (seed.as_str(), key.as_str()));
    let until = actor.at + overlap * 3_600;
    let audit_id = ports.stamps.new_id();
    let database = &ports.database;
    let rotated = webhook_endpoint_change::rotate_secret(
        database, &actor, &id, &sealed, signing, until, audit_id,
    );
    let rotated = rotated.await?.ok_or_else(WebhookEndpointId::unknown)?;
    Ok(Json(EndpointWithSecret::new(
        EndpointView::of(rotated, &caller, actor.at),
        &secret,
    )))
}
