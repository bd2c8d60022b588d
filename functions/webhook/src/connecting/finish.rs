//! Finishes connecting a store: takes the state, looks at the key, and makes the webhook, in
//! this order. Each step may be the last one before a crash:
//!
//! | broken off after | what is left | what repairs it |
//! |---|---|---|
//! | taking the state | a key at `BTCPay` that nobody has | the operator starts again; the key is revoked if `BTCPay` can be reached |
//! | recording the row, not connected | a row that nothing reads | connecting the same store uses that row |
//! | making the webhook | a webhook whose deliveries are refused (401) | connecting the same store finds it by its address and gives it the same secret |
//! | connecting the row | nothing: it is connected | – |

use super::inspect::StoreInspection;
use super::page::ConnectRefusal;
use crate::Ports;
use crate::client::CallError;
use data_encoding::BASE64URL_NOPAD;
use http::StatusCode;
use keywright_domain::rail::ProviderKind;
use keywright_ports::vault::Vault;
use keywright_ports::{Level, Unavailable};
use keywright_providers::btcpay::{self, Network, Server, Store, StoreError};
use keywright_services::payment_providers::ProviderUnusable;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::payment_providers::{
    self, Credentials, CredentialsError, Provider, SealedCredentials,
};
use keywright_store::sales::provider_change::{self, ConnectionDetails};
use keywright_store::sales::provider_connects::{self, PendingConnection, StateOutcome};
use keywright_web::hash_of_secret;

/// The configuration without which no store can be connected.
pub(super) struct ConnectSetup<'a> {
    vault: &'a Vault,
    public_url: &'a str,
    pub(super) btcpay_url: &'a str,
}

/// Connects a store with the key that came with this state; answers the message for the
/// operator.
pub(super) async fn finish(
    ports: &Ports,
    request_id: &str,
    state: &str,
    api_key: &str,
) -> Result<String, ConnectRefusal> {
    let setup = setup(ports)?;
    let server = Server::new(setup.btcpay_url, api_key).map_err(|error| match error {
        StoreError::Credentials => bad("This is not a key of BTCPay. Start again."),
        StoreError::NotConfigured | StoreError::Url => {
            not_set_up("BTCPAY_URL is not an address this instance can use")
        }
    })?;
    let now = ports.stamps.now();
    let hash = hash_of_secret(state);
    let connect = match provider_connects::take(&ports.database, &hash, now).await? {
        StateOutcome::Good(connect) => connect,
        StateOutcome::Used => {
            return Err(bad(
                "This link was already used. Start again to connect a store.",
            ));
        }
        StateOutcome::Expired => {
            return Err(bad("The ten minutes to agree are over. Start again."));
        }
        StateOutcome::Revoked => return Err(bad("The API key that started this was revoked.")),
        StateOutcome::Unknown => {
            return Err(bad(
                "No connection was started here with this link. Start again.",
            ));
        }
    };
    let work = StoreConnection {
        ports,
        setup,
        request_id,
        server: &server,
        api_key,
        connect: &connect,
    };
    let done = work.connect().await;
    if done.is_err() {
        work.revoke().await;
    }
    done
}

fn setup(ports: &Ports) -> Result<ConnectSetup<'_>, ConnectRefusal> {
    let vault = ports.payment_providers.vault();
    Ok(ConnectSetup {
        vault: vault.map_err(|missing| not_set_up(&missing.to_string()))?,
        public_url: (ports.public_url.as_deref()).ok_or_else(|| {
            not_set_up("PUBLIC_URL is not configured, or is not the URL of this instance")
        })?,
        btcpay_url: (ports.payment_providers.server_url())
            .ok_or_else(|| not_set_up("BTCPAY_URL is not configured"))?,
    })
}

fn not_set_up(what: &str) -> ConnectRefusal {
    ConnectRefusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("This instance is not ready to connect a store: {what}."),
    )
}

fn unusable(error: CredentialsError) -> ConnectRefusal {
    Unavailable::from(ProviderUnusable::from(error)).into()
}

pub(super) fn bad(message: &str) -> ConnectRefusal {
    ConnectRefusal::new(StatusCode::BAD_REQUEST, message)
}

fn taken() -> ConnectRefusal {
    ConnectRefusal::new(
        StatusCode::CONFLICT,
        "This business already has a connected store. Disconnect it first.",
    )
}

/// `BTCPay` failed at a step.
pub(super) fn away(error: &CallError, doing: &str) -> ConnectRefusal {
    ConnectRefusal::new(
        StatusCode::BAD_GATEWAY,
        format!("BTCPay did not let us {doing}. Start again when it works."),
    )
    .because(format!("{doing}: {error}"))
}

/// A store that is being connected with a key.
pub(super) struct StoreConnection<'a> {
    pub(super) ports: &'a Ports,
    pub(super) setup: ConnectSetup<'a>,
    request_id: &'a str,
    pub(super) server: &'a Server,
    pub(super) api_key: &'a str,
    pub(super) connect: &'a PendingConnection,
}

impl StoreConnection<'_> {
    async fn connect(&self) -> Result<String, ConnectRefusal> {
        let store = self.inspect().await?;
        let (provider, credentials) = self.reserve(&store).await?;
        let webhook_id = self
            .webhook(&store.store, &provider.id, &credentials)
            .await?;
        let whole = Credentials {
            api_key: Some(self.api_key.to_owned()),
            ..credentials
        };
        let sealed = whole
            .seal(self.setup.vault, &self.ports.stamps, &provider.id)
            .map_err(unusable)?;
        let actor = Actor {
            name: self.connect.actor.clone().into(),
            at: self.ports.stamps.now(),
            request_id: self.request_id.to_owned(),
        };
        let details = ConnectionDetails {
            label: &store.label,
            network: store.network.map_or("unknown", Network::as_str),
            webhook_id: Some(&webhook_id),
            credentials: &sealed,
            read_with: provider.credentials.as_ref(),
            sandbox_only: self.connect.sandbox_only,
        };
        let audit_id = self.ports.stamps.new_id();
        let database = &self.ports.database;
        if provider_change::activate(database, &actor, &provider.id, details, &audit_id).await? {
            return Ok(format!(
                "Payments of this business go to the store {} from now on. You can close this page.",
                store.label
            ));
        }
        // Another request connected a store meanwhile. If it is this very store,
        // the webhook is in use.
        if payment_providers::connected(database, &provider.id)
            .await?
            .is_none()
        {
            let request = store.store.delete_webhook(&webhook_id);
            let removed = self.ports.call(request, btcpay::read_gone).await;
            self.note(removed.err().map(|error| error.to_string()));
        }
        Err(taken())
    }

    /// The row of the store, not connected yet, and the secret of its webhook.
    async fn reserve(
        &self,
        inspected: &StoreInspection,
    ) -> Result<(Provider, Credentials), ConnectRefusal> {
        let (vault, stamps) = (self.setup.vault, &self.ports.stamps);
        let new = || Credentials {
            api_key: None,
            webhook_secret: BASE64URL_NOPAD.encode(&stamps.random::<32>()),
        };
        let store = provider_change::StoreAddress {
            profile_id: &self.connect.merchant_profile_id,
            kind: ProviderKind::Btcpay,
            base_url: self.setup.btcpay_url,
            store_id: inspected.store.id(),
        };
        let (new_id, fresh) = (stamps.new_id(), new());
        let sealed = fresh.seal(vault, stamps, &new_id).map_err(unusable)?;
        let database = &self.ports.database;
        let row = provider_change::reserve(database, store, &new_id, &sealed, stamps.now()).await?;
        let row = row.ok_or_else(|| bad("This business was deleted."))?;
        if row.connected {
            return Err(taken());
        }
        let mut provider = row.provider;
        if let Ok(kept) = self.ports.payment_providers.credentials_of(&provider) {
            return Ok((provider, kept));
        }
        // It was disconnected, or CREDENTIALS_KEY has changed.
        let fresh = new();
        let sealed: SealedCredentials =
            fresh.seal(vault, stamps, &provider.id).map_err(unusable)?;
        if !provider_change::replace_credentials(database, &provider, &sealed).await? {
            return Err(taken());
        }
        provider.credentials = Some(sealed);
        Ok((provider, fresh))
    }

    /// Makes the webhook, or takes over the one that already has its address; answers its
    /// id.
    async fn webhook(
        &self,
        store: &Store,
        provider_id: &str,
        credentials: &Credentials,
    ) -> Result<String, ConnectRefusal> {
        let url = format!("{}/v1/btcpay/webhook/{provider_id}", self.setup.public_url);
        let secret = &credentials.webhook_secret;
        let doing = "make the webhook";
        let there = self
            .ports
            .call(store.webhooks(), btcpay::read_webhooks)
            .await;
        let mut there = there.map_err(|error| away(&error, doing))?;
        there.retain(|webhook| webhook.url.as_deref() == Some(&url));
        let mut there = there.into_iter();
        let made = match there.next() {
            Some(one) => {
                let request = store.update_webhook(&one.id, &url, secret);
                self.ports.call(request, btcpay::read_webhook).await
            }
            None => Err(CallError::NotFound),
        };
        let made = match made {
            Err(CallError::NotFound) => {
                let request = store.create_webhook(&url, secret);
                self.ports.call(request, btcpay::read_webhook).await
            }
            made => made,
        };
        let made = made.map_err(|error| away(&error, doing))?;
        // Two webhooks with one address would deliver everything twice.
        for other in there {
            let request = store.delete_webhook(&other.id);
            let removed = self.ports.call(request, btcpay::read_gone).await;
            self.note(removed.err().map(|error| error.to_string()));
        }
        Ok(made.id)
    }

    /// Revokes the key, unless a connected store uses it.
    async fn revoke(&self) {
        let profile = Some(self.connect.merchant_profile_id.as_str());
        let kind = ProviderKind::Btcpay;
        let found = payment_providers::of_business(&self.ports.database, profile, kind).await;
        let in_use = match found {
            Ok(found) => {
                let provider = found.and_then(|business| business.provider);
                let opened = provider.and_then(|provider| {
                    let credentials = self.ports.payment_providers.credentials_of(&provider);
                    credentials.ok()
                });
                opened.is_some_and(|opened| opened.api_key.as_deref() == Some(self.api_key))
            }
            // In doubt it may be in use.
            Err(_) => true,
        };
        if !in_use {
            let revoked = self
                .ports
                .call(self.server.revoke_key(), btcpay::read_gone)
                .await;
            let failure = revoked.err();
            self.note(failure.map(|error| format!("a BTCPay key was not revoked: {error}")));
        }
    }

    pub(super) fn note(&self, line: Option<String>) {
        if let Some(line) = line {
            self.ports.log.write(Level::Warn, self.request_id, &line);
        }
    }
}
