//! `POST /v1/admin/btcpay/disconnect`: forgets what opens a store.

use super::business;
use crate::text::present;
use crate::{Operator, Ports};
use keywright_ports::Level;
use keywright_providers::btcpay::{Server, read_gone};
use keywright_store::sales::payment_providers::Provider;
use keywright_store::sales::provider_change::{self, RemoteCleanup};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Of which business.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BtcpayDisconnect)]
pub(crate) struct Disconnect {
    /// UUID of the business; without it the default one.
    merchant_profile_id: Option<String>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
#[schema(as = BtcpayDisconnected)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "an answer: each member is a fact of its own"
)]
pub(crate) struct Disconnected {
    /// Always `true`.
    ok: bool,
    /// Whether no store was connected before; then nothing was done.
    already: bool,
    /// UUID of the provider that was disconnected.
    payment_provider_id: Option<String>,
    /// Whether its webhook is gone from `BTCPay`; remove it there where not.
    webhook_removed: bool,
    /// Whether its key was revoked at `BTCPay`; revoke it there where not.
    api_key_revoked: bool,
    /// Orders through it that are not decided: nobody asks for them any more.
    /// They are in the list of what needs somebody, and asked for again when
    /// the same store is connected again.
    open_orders: i64,
}

/// Disconnects a store
///
/// Removes its webhook and revokes its key at `BTCPay`, as far as `BTCPay` can
/// be asked, and wipes what opened it in any case. Repeating it succeeds and
/// changes nothing more.
#[utoipa::path(
    post,
    path = "/v1/admin/btcpay/disconnect",
    operation_id = "disconnectBtcpayStore",
    tag = "payment providers",
    request_body = Disconnect,
    responses(
        (status = 200, description = "It is disconnected.", body = Disconnected),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    disconnect: Result<Json<Disconnect>, ApiError>,
) -> Result<Json<Disconnected>, ApiError> {
    let Json(disconnect) = disconnect?;
    let profile_id = present(disconnect.merchant_profile_id);
    let Some(provider) = business(&ports.database, profile_id.as_deref())
        .await?
        .provider
    else {
        return Ok(Json(Disconnected {
            ok: true,
            already: true,
            payment_provider_id: None,
            webhook_removed: false,
            api_key_revoked: false,
            open_orders: 0,
        }));
    };
    // First at BTCPay, while the key is known; a break between the two is
    // repaired by repeating it, because what is gone there counts as removed.
    let undone = undo(&ports, &provider, &actor.request_id).await;
    let (audit_id, attention_id) = (ports.stamps.new_id(), ports.stamps.new_id());
    let open_orders = provider_change::disconnect(
        &ports.database,
        &actor,
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

/// Undoes at `BTCPay` what connecting did there, the key last.
async fn undo(ports: &Ports, provider: &Provider, request_id: &str) -> RemoteCleanup {
    let btcpay = &ports.btcpay;
    let note = |failure: String| {
        let line = format!("disconnecting payment provider {}: {failure}", provider.id);
        btcpay.log.write(Level::Warn, request_id, &line);
        false
    };
    let opened = match btcpay.payment_providers.open(provider) {
        Ok(opened) => opened,
        Err(error) => {
            note(error.to_string());
            return RemoteCleanup {
                webhook_removed: false,
                api_key_revoked: false,
            };
        }
    };
    let webhook_removed = match &provider.webhook_id {
        None => true,
        Some(id) => {
            let removed = btcpay.ask(opened.store.delete_webhook(id), read_gone).await;
            removed.map_or_else(note, |()| true)
        }
    };
    let revoked = match Server::new(&provider.base_url, &opened.api_key) {
        Ok(server) => btcpay.ask(server.revoke_key(), read_gone).await,
        Err(error) => Err(error.to_string()),
    };
    RemoteCleanup {
        webhook_removed,
        api_key_revoked: revoked.map_or_else(note, |()| true),
    }
}
