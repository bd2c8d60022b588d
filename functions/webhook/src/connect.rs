//! Connecting a store: the state is taken, the key looked at, and the webhook
//! made, in this order; what each step may leave behind is below.
//!
//! | broken off after | what is left | what repairs it |
//! |---|---|---|
//! | taking the state | a key at `BTCPay` that nobody has | the operator begins anew; the key is revoked where `BTCPay` can be asked |
//! | recording the row, not connected | a row that nothing reads | connecting the same store takes that row |
//! | making the webhook | a webhook whose deliveries are refused (401) | connecting the same store finds it by its address, and gives it the same secret |
//! | connecting the row | nothing: it is connected | – |

use crate::Ports;
use crate::call::CallError;
use crate::page::Refusal;
use data_encoding::BASE64URL_NOPAD;
use http::StatusCode;
use keywright_domain::rail::ProviderKind;
use keywright_ports::vault::Vault;
use keywright_ports::{Level, Unavailable};
use keywright_providers::btcpay::permission::{VIEW_SETTINGS, VIEW_WALLET};
use keywright_providers::btcpay::{
    self, Granted, Listed, Network, Scope, Server, Store, StoreError,
};
use keywright_services::payment_providers::ProviderUnusable;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::payment_providers::{self, Credentials, Provider, Sealed, Unusable};
use keywright_store::sales::provider_change::{self, Details};
use keywright_store::sales::provider_connects::{self, Connect, Taken};
use keywright_web::hash_of_secret;

/// What the instance has to have before it can connect a store.
struct Place<'a> {
    vault: &'a Vault,
    public_url: &'a str,
    btcpay_url: &'a str,
}

/// Connects a store with the key that came with this state; answers what to
/// tell the operator.
///
/// # Errors
/// [`Refusal`].
pub(crate) async fn finish(
    ports: &Ports,
    request_id: &str,
    state: &str,
    api_key: &str,
) -> Result<String, Refusal> {
    let place = place(ports)?;
    let server = Server::new(place.btcpay_url, api_key).map_err(|error| match error {
        StoreError::Credentials => bad("What came as BTCPay's key cannot be one. Begin anew."),
        StoreError::NotConfigured | StoreError::Url => {
            not_set_up("BTCPAY_URL is not an address this instance can use")
        }
    })?;
    let now = ports.stamps.now();
    let hash = hash_of_secret(state);
    let connect = match provider_connects::take(&ports.database, &hash, now).await? {
        Taken::Good(connect) => connect,
        Taken::Used => return Err(bad("This was used before. Begin anew to connect a store.")),
        Taken::Expired => return Err(bad("The ten minutes to agree are over. Begin anew.")),
        Taken::Revoked => return Err(bad("The key that began this was revoked.")),
        Taken::Unknown => return Err(bad("Nobody began this here. Begin anew.")),
    };
    let work = Work {
        ports,
        place,
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

fn place(ports: &Ports) -> Result<Place<'_>, Refusal> {
    let vault = ports.payment_providers.vault();
    Ok(Place {
        vault: vault.map_err(|missing| not_set_up(&missing.to_string()))?,
        public_url: (ports.public_url.as_deref())
            .ok_or_else(|| not_set_up("PUBLIC_URL is not configured"))?,
        btcpay_url: (ports.payment_providers.server_url())
            .ok_or_else(|| not_set_up("BTCPAY_URL is not configured"))?,
    })
}

fn not_set_up(what: &str) -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("This instance is not set up for it yet: {what}."),
    )
}

fn unusable(error: Unusable) -> Refusal {
    Unavailable::from(ProviderUnusable::from(error)).into()
}

fn bad(message: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

fn taken() -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "This business has a connected store already. Disconnect it first.",
    )
}

/// What `BTCPay` did not do.
fn away(error: &CallError, doing: &str) -> Refusal {
    Refusal::new(
        StatusCode::BAD_GATEWAY,
        format!("BTCPay did not let us {doing}. Begin anew when it is well."),
    )
    .because(format!("{doing}: {error}"))
}

/// A key and what it is to be used for.
struct Work<'a> {
    ports: &'a Ports,
    place: Place<'a>,
    request_id: &'a str,
    server: &'a Server,
    api_key: &'a str,
    connect: &'a Connect,
}

/// What was found out about a store.
struct Known {
    store: Store,
    label: String,
    network: Option<Network>,
}

impl Work<'_> {
    async fn connect(&self) -> Result<String, Refusal> {
        let known = self.look().await?;
        let (provider, credentials) = self.reserve(&known).await?;
        let webhook_id = self
            .webhook(&known.store, &provider.id, &credentials)
            .await?;
        let whole = Credentials {
            api_key: Some(self.api_key.to_owned()),
            ..credentials
        };
        let sealed = whole
            .seal(self.place.vault, &self.ports.stamps, &provider.id)
            .map_err(unusable)?;
        let actor = Actor {
            name: self.connect.actor.clone().into(),
            at: self.ports.stamps.now(),
            request_id: self.request_id.to_owned(),
        };
        let details = Details {
            label: &known.label,
            network: known.network.map_or("unknown", Network::as_str),
            webhook_id: &webhook_id,
            credentials: &sealed,
            read_with: provider.credentials.as_ref(),
            sandbox_only: self.connect.sandbox_only,
        };
        let audit_id = self.ports.stamps.new_id();
        let database = &self.ports.database;
        if provider_change::activate(database, &actor, &provider.id, details, &audit_id).await? {
            return Ok(format!(
                "Payments of this business go to the store {} from now on. You can close this page.",
                known.label
            ));
        }
        // Somebody else connected one meanwhile. Where that is this very store,
        // the webhook is in use.
        if payment_providers::connected(database, &provider.id)
            .await?
            .is_none()
        {
            let request = known.store.delete_webhook(&webhook_id);
            let removed = self.ports.call(request, btcpay::read_gone).await;
            self.note(removed.err().map(|error| error.to_string()));
        }
        Err(taken())
    }

    /// What the key opens: one store, with all that selling needs.
    async fn look(&self) -> Result<Known, Refusal> {
        let granted = self
            .ports
            .call(self.server.current_key(), btcpay::read_key)
            .await;
        let granted = granted.map_err(|error| match error {
            CallError::Away(_) => away(&error, "look at the key"),
            CallError::Refused(_) | CallError::NotFound => {
                bad("BTCPay does not know the key that came back. Begin anew.")
                    .because(error.to_string())
            }
        })?;
        if granted.is_unrestricted() {
            let warning = "a store is being connected with an unrestricted BTCPay key".to_owned();
            self.note(Some(warning));
        }
        let listed = self.choose(&granted).await?;
        let Listed { id, name } = &listed;
        let missing = granted.missing(Some(id));
        if !missing.is_empty() {
            return Err(too_little(&missing));
        }
        let store = Store::new(self.place.btcpay_url, id, self.api_key)
            .map_err(|_| bad("The id of the store is not one that BTCPay makes."))?;
        let network = self.network(&store, &granted, id).await?;
        let label = if name.trim().is_empty() { id } else { name };
        Ok(Known {
            label: label
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect(),
            store,
            network,
        })
    }

    /// The one store that the key is for.
    async fn choose(&self, granted: &Granted) -> Result<Listed, Refusal> {
        let several = |count: usize| {
            bad(&format!(
                "The key is for {count} stores, and a business is paid at exactly one. Begin anew, \
                 and choose one store on BTCPay's page."
            ))
        };
        let scope = granted.scope();
        if let Scope::Several(count) = scope {
            return Err(several(count));
        }
        if scope == Scope::Any {
            let missing = granted.missing(None);
            if !missing.is_empty() {
                return Err(too_little(&missing));
            }
        }
        let listed = self
            .ports
            .call(self.server.stores(), btcpay::read_stores)
            .await;
        match (scope, listed) {
            (Scope::Store(id), Ok(stores)) => {
                let found = stores.into_iter().find(|store| store.id == id);
                Ok(found.unwrap_or(Listed {
                    id,
                    name: String::new(),
                }))
            }
            // Only its name is not known then.
            (Scope::Store(id), Err(error)) => {
                if granted.allows(VIEW_SETTINGS, Some(&id)) {
                    self.note(Some(format!("the name of a store: {error}")));
                }
                Ok(Listed {
                    id,
                    name: String::new(),
                })
            }
            (_, Err(error)) => Err(away(&error, "list the stores")),
            (_, Ok(mut stores)) => match (stores.pop(), stores.len()) {
                (Some(only), 0) => Ok(only),
                (None, _) => Err(bad("The key is for no store. Begin anew, and choose one.")),
                (Some(_), others) => Err(several(others + 1)),
            },
        }
    }

    /// The network of a store, where it can be told; must not be in doubt where
    /// only test networks are allowed.
    async fn network(
        &self,
        store: &Store,
        granted: &Granted,
        id: &str,
    ) -> Result<Option<Network>, Refusal> {
        let found = if granted.allows(VIEW_WALLET, Some(id)) {
            let preview = self
                .ports
                .call(store.wallet_preview(), btcpay::read_network)
                .await;
            match preview {
                Ok(network) => network,
                Err(error @ CallError::Away(_)) if self.connect.sandbox_only => {
                    return Err(away(&error, "look at the wallet's network"));
                }
                Err(_) => None,
            }
        } else {
            None
        };
        let on_test_network = matches!(found, Some(Network::Testnet | Network::Regtest));
        if self.connect.sandbox_only && !on_test_network {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "Only a store on a test network may be connected with the key that began this, \
                 and nothing shows that this one is.",
            ));
        }
        Ok(found)
    }

    /// The row of the store, not connected yet, and the secret of its webhook.
    async fn reserve(&self, known: &Known) -> Result<(Provider, Credentials), Refusal> {
        let (vault, stamps) = (self.place.vault, &self.ports.stamps);
        let new = || Credentials {
            api_key: None,
            webhook_secret: BASE64URL_NOPAD.encode(&stamps.random::<32>()),
        };
        let store = provider_change::Store {
            profile_id: &self.connect.merchant_profile_id,
            kind: ProviderKind::Btcpay,
            base_url: self.place.btcpay_url,
            store_id: known.store.id(),
        };
        let (new_id, fresh) = (stamps.new_id(), new());
        let sealed = fresh.seal(vault, stamps, &new_id).map_err(unusable)?;
        let database = &self.ports.database;
        let row = provider_change::reserve(database, store, &new_id, &sealed, stamps.now()).await?;
        let row = row.ok_or_else(|| bad("The business is gone."))?;
        if row.connected {
            return Err(taken());
        }
        let mut provider = row.provider;
        if let Ok(kept) = self.ports.payment_providers.credentials_of(&provider) {
            return Ok((provider, kept));
        }
        // It was disconnected, or CREDENTIALS_KEY is another one by now.
        let fresh = new();
        let sealed: Sealed = fresh.seal(vault, stamps, &provider.id).map_err(unusable)?;
        if !provider_change::replace_credentials(database, &provider, &sealed).await? {
            return Err(taken());
        }
        provider.credentials = Some(sealed);
        Ok((provider, fresh))
    }

    /// Makes the webhook, or takes the one that has its address already; answers
    /// its id.
    async fn webhook(
        &self,
        store: &Store,
        provider_id: &str,
        credentials: &Credentials,
    ) -> Result<String, Refusal> {
        let url = format!("{}/v1/btcpay/webhook/{provider_id}", self.place.public_url);
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
        // Two of one address would tell everything twice.
        for other in there {
            let request = store.delete_webhook(&other.id);
            let removed = self.ports.call(request, btcpay::read_gone).await;
            self.note(removed.err().map(|error| error.to_string()));
        }
        Ok(made.id)
    }

    /// Gives up a key that is not going to be used, unless somebody uses it.
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
            // In doubt it may be.
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

    fn note(&self, line: Option<String>) {
        if let Some(line) = line {
            self.ports.log.write(Level::Warn, self.request_id, &line);
        }
    }
}

fn too_little(missing: &[&str]) -> Refusal {
    Refusal::new(
        StatusCode::FORBIDDEN,
        format!(
            "The key may do too little; selling also needs {}. Begin anew, and leave the \
             permissions as they are.",
            missing.join(", ")
        ),
    )
}
