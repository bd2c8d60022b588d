//! Disconnecting a provider: what is the same for all kinds.

use crate::Ports;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::payment_providers::Provider;
use keywright_store::sales::provider_change::{self, RemoteCleanup};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = ProviderDisconnected)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "an answer: each member is a fact of its own"
)]
pub(crate) struct Disconnected {
    /// Always `true`.
    ok: bool,
    /// Whether no provider of this kind was connected before; then nothing was done.
    already: bool,
    /// UUID of the provider that was disconnected.
    payment_provider_id: Option<String>,
    /// Whether its webhook is gone from the provider; remove it there where not.
    webhook_removed: bool,
    /// Whether its key was revoked at the provider; revoke it there where not.
    api_key_revoked: bool,
    /// Orders through it that are not decided: nobody asks for them any more.
    /// They are in the list of what needs somebody, and asked for again when
    /// the same store or organization is connected again.
    open_orders: i64,
}

/// The answer where nothing is connected.
pub(crate) fn already() -> Json<Disconnected> {
    Json(Disconnected {
        ok: true,
        already: true,
        payment_provider_id: None,
        webhook_removed: false,
        api_key_revoked: false,
        open_orders: 0,
    })
}

/// Forgets what opens a provider, after what could be undone there was.
pub(crate) async fn forget(
    ports: &Ports,
    actor: &Actor,
    provider: Provider,
    undone: RemoteCleanup,
) -> Result<Json<Disconnected>, ApiError> {
    let (audit_id, attention_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let open_orders = provider_change::disconnect(
        &ports.database,
        actor,
        &provider.id,
        undone,
        &audit_id,
        &attention_id,
    )
    .await?;
    Ok(Json(Disconnected {
        ok: true,
        already: false,
        payment_provider_id: Some(provider.id),
        webhook_removed: undone.webhook_removed,
        api_key_revoked: undone.api_key_revoked,
        open_orders,
    }))
}
