//! `POST /v1/admin/btcpay/disconnect`: forgets what opens a store.

use crate::providers::NoAnswer;
use crate::providers::business;
use crate::providers::disconnect::{self, Disconnected};
use crate::text::present;
use crate::{Operator, Ports};
use keywright_domain::rail::ProviderKind;
use keywright_ports::Level;
use keywright_providers::account::Account;
use keywright_providers::btcpay::{Server, read_gone};
use keywright_store::sales::payment_providers::Provider;
use keywright_store::sales::provider_change::RemoteCleanup;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Of which business.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BtcpayDisconnect)]
pub(crate) struct Disconnect {
    /// UUID of the business; without it the default one.
    merchant_profile_id: Option<String>,
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
    let kind = ProviderKind::Btcpay;
    let business = business(&ports.database, profile_id.as_deref(), kind).await?;
    let Some(provider) = business.provider else {
        return Ok(disconnect::already());
    };
    // First at BTCPay, while the key is known; a break between the two is
    // repaired by repeating it, because what is gone there counts as removed.
    let undone = undo(&ports, &provider, &actor.request_id).await;
    disconnect::forget(&ports, &actor, provider, undone).await
}

/// Undoes at `BTCPay` what connecting did there, the key last.
async fn undo(ports: &Ports, provider: &Provider, request_id: &str) -> RemoteCleanup {
    let providers = &ports.providers;
    let note = |failure: String| {
        let line = format!("disconnecting payment provider {}: {failure}", provider.id);
        providers.log.write(Level::Warn, request_id, &line);
        false
    };
    let (account, api_key) = match providers.accounts.open(provider) {
        Ok(opened) => (opened.account, opened.api_key),
        Err(error) => {
            note(error.to_string());
            return RemoteCleanup::NONE;
        }
    };
    let webhook_removed = match (&provider.webhook_id, &account) {
        (Some(id), Account::Btcpay(store)) => {
            let removed = providers.ask(store.delete_webhook(id), read_gone).await;
            removed.map_or_else(|error| note(error.into_text()), |()| true)
        }
        _ => true,
    };
    let revoked = match Server::new(&provider.base_url, &api_key) {
        Ok(server) => providers.ask(server.revoke_key(), read_gone).await,
        Err(error) => Err(NoAnswer::Unread(error.to_string())),
    };
    RemoteCleanup {
        webhook_removed,
        api_key_revoked: revoked.map_or_else(|error| note(error.into_text()), |()| true),
    }
}
