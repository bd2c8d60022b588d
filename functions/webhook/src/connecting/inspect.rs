//! Looks at the store that a key opens: exactly one, with the permissions that selling
//! needs.

use super::finish::{StoreConnection, away, bad};
use super::page::ConnectRefusal;
use crate::client::CallError;
use http::StatusCode;
use keywright_providers::btcpay::permission::{VIEW_SETTINGS, VIEW_WALLET};
use keywright_providers::btcpay::{self, Granted, Listed, Network, Scope, Store};

/// A store that may be connected.
pub(super) struct StoreInspection {
    pub(super) store: Store,
    pub(super) label: String,
    pub(super) network: Option<Network>,
}

impl StoreConnection<'_> {
    /// The one store that the key opens, with all permissions that selling needs.
    pub(super) async fn inspect(&self) -> Result<StoreInspection, ConnectRefusal> {
        let granted = self
            .ports
            .call(self.server.current_key(), btcpay::read_key)
            .await;
        let granted = granted.map_err(|error| match error {
            CallError::Away(_) => away(&error, "look at the key"),
            CallError::Refused(_) | CallError::NotFound => {
                bad("BTCPay does not know the key that it sent. Start again.")
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
        let store = Store::new(self.setup.btcpay_url, id, self.api_key)
            .map_err(|_| bad("The id of the store is not one of BTCPay."))?;
        let network = self.network(&store, &granted, id).await?;
        let label = if name.trim().is_empty() { id } else { name };
        Ok(StoreInspection {
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
    async fn choose(&self, granted: &Granted) -> Result<Listed, ConnectRefusal> {
        let several = |count: usize| {
            bad(&format!(
                "The key is for {count} stores, and a business is paid at exactly one. Start again, \
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
            // Then only its name is unknown.
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
                (None, _) => Err(bad("The key is for no store. Start again, and choose one.")),
                (Some(_), others) => Err(several(others + 1)),
            },
        }
    }

    /// The network of a store, if it is known; it must be known if only test networks are
    /// allowed.
    async fn network(
        &self,
        store: &Store,
        granted: &Granted,
        id: &str,
    ) -> Result<Option<Network>, ConnectRefusal> {
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
            return Err(ConnectRefusal::new(
                StatusCode::FORBIDDEN,
                "Only a store on a test network may be connected with the API key that started this, \
                 and this one is not known to be on one.",
            ));
        }
        Ok(found)
    }
}

fn too_little(missing: &[&str]) -> ConnectRefusal {
    ConnectRefusal::new(
        StatusCode::FORBIDDEN,
        format!(
            "The key lacks permissions: selling also needs {}. Start again, and leave the \
             permissions unchanged.",
            missing.join(", ")
        ),
    )
}
