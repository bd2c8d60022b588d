//! Opens the store or organization that an order is paid at: the one of the configuration,
//! or one that a merchant profile connected.

use data_encoding::HEXLOWER;
use keywright_domain::rail::ProviderKind;
use keywright_ports::vault::{NoVault, Vault};
use keywright_ports::{Config, Unavailable, name};
use keywright_providers::account::Account;
use keywright_providers::btcpay::Store;
use keywright_providers::zaprite;
use keywright_store::sales::payment_providers::{CredentialsError, Provider};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// How the `store_id` of a provider begins whose organization is not known yet: Zaprite
/// tells it with the first order.
const UNKNOWN_ORGANIZATION: &str = "key-";
/// Hex digits of the API key's digest behind it, so that the same key finds the same row.
const DIGEST_CHARS: usize = 16;

/// The payment providers of an instance; cheap to clone.
#[derive(Clone)]
pub struct PaymentProviders {
    server_url: Option<Arc<str>>,
    zaprite_url: Arc<str>,
    configured: Arc<Result<Store, String>>,
    vault: Arc<Result<Vault, NoVault>>,
}

/// A connected provider with what opens it. It does not print.
pub struct OpenProvider {
    /// The store or organization.
    pub account: Account,
    /// The API key.
    pub api_key: String,
    /// The secret of its webhook: what signs its deliveries, or stands in its address.
    pub webhook_secret: String,
}

/// Why a connected provider cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderUnusable {
    /// It is at another server than the configured one.
    #[error("the connected provider is at {connected}, and {name} is another server")]
    OtherServer {
        /// Where the provider is.
        connected: String,
        /// The name of the configuration that must be its server.
        name: &'static str,
    },
    /// Its credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Its address, its id or its key is not one of a store.
    #[error("payment provider {id} is no account: {reason}")]
    NoAccount {
        /// The provider.
        id: String,
        /// What is wrong.
        reason: String,
    },
}

impl From<ProviderUnusable> for Unavailable {
    fn from(error: ProviderUnusable) -> Self {
        let failure = error.to_string();
        let (code, message) = match error {
            ProviderUnusable::OtherServer { .. } | ProviderUnusable::NoAccount { .. } => (
                "service_unavailable",
                "the connected payment provider is at another server than the one this \
                 instance is configured for; connect it again, or configure its server as \
                 BTCPAY_URL or ZAPRITE_URL",
            ),
            ProviderUnusable::Credentials(_) => (
                "credentials_unreadable",
                "the credentials of the connected payment provider cannot be read; configure \
                 the CREDENTIALS_KEY they were sealed with, or connect it again",
            ),
        };
        Self {
            code,
            message,
            failure,
        }
    }
}

impl fmt::Debug for OpenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenProvider(..)")
    }
}

impl PaymentProviders {
    /// Those of this configuration.
    #[must_use]
    pub fn configured(config: &Config) -> Self {
        let url = config.get(name::BTCPAY_URL);
        let store = Store::configured(
            url,
            config.get(name::BTCPAY_STORE_ID),
            config.get(name::BTCPAY_API_KEY),
        );
        Self {
            server_url: url.map(|url| url.trim_end_matches('/').into()),
            zaprite_url: zaprite_url(config).trim_end_matches('/').into(),
            configured: Arc::new(store.map_err(|error| error.to_string())),
            vault: Arc::new(Vault::configured(config)),
        }
    }

    /// The vendor's server, without a trailing slash; every store is there.
    #[must_use]
    pub fn server_url(&self) -> Option<&str> {
        self.server_url.as_deref()
    }

    /// Where Zaprite is, without a trailing slash.
    #[must_use]
    pub fn zaprite_url(&self) -> &str {
        &self.zaprite_url
    }

    /// The store of the configuration.
    ///
    /// # Errors
    /// Why there is none, for the log.
    pub fn configured_store(&self) -> Result<&Store, &str> {
        self.configured.as_ref().as_ref().map_err(String::as_str)
    }

    /// What opens the credentials of connected stores.
    ///
    /// # Errors
    /// [`NoVault`] where no key for it is configured.
    pub fn vault(&self) -> Result<&Vault, NoVault> {
        self.vault.as_ref().as_ref().map_err(|missing| *missing)
    }

    /// Opens a connected provider, if it is at the configured server. Nothing is ever sent
    /// to another one: a host's manifest names one of each kind.
    pub fn open(&self, provider: &Provider) -> Result<OpenProvider, ProviderUnusable> {
        let at = provider.base_url.trim_end_matches('/');
        let (configured, name) = match provider.kind {
            ProviderKind::Btcpay => (self.server_url(), name::BTCPAY_URL),
            ProviderKind::Zaprite => (Some(self.zaprite_url()), name::ZAPRITE_URL),
        };
        if configured != Some(at) {
            return Err(ProviderUnusable::OtherServer {
                connected: provider.base_url.clone(),
                name,
            });
        }
        let credentials = provider.open(&self.vault)?;
        let unreadable = || CredentialsError::Unreadable {
            id: provider.id.clone(),
        };
        let api_key = credentials.api_key.ok_or_else(unreadable)?;
        let account = match provider.kind {
            ProviderKind::Btcpay => Store::new(at, &provider.store_id, &api_key)
                .map(Account::Btcpay)
                .map_err(|error| error.to_string()),
            ProviderKind::Zaprite => {
                zaprite::Account::new(at, organization(&provider.store_id), &api_key)
                    .map(Account::Zaprite)
                    .map_err(|error| error.to_string())
            }
        };
        Ok(OpenProvider {
            account: account.map_err(|reason| ProviderUnusable::NoAccount {
                id: provider.id.clone(),
                reason,
            })?,
            api_key,
            webhook_secret: credentials.webhook_secret,
        })
    }

    /// Opens what is recorded of a provider's credentials, wherever it is: for what is
    /// only compared, or wiped.
    pub fn credentials_of(
        &self,
        provider: &Provider,
    ) -> Result<keywright_store::sales::payment_providers::Credentials, CredentialsError> {
        provider.open(&self.vault)
    }
}

/// Where Zaprite is, by this configuration.
#[must_use]
pub fn zaprite_url(config: &Config) -> &str {
    config
        .get(name::ZAPRITE_URL)
        .unwrap_or(zaprite::DEFAULT_URL)
}

/// Every server that orders are paid at, by this configuration: what a function may call.
#[must_use]
pub fn servers(config: &Config) -> Vec<&str> {
    let btcpay = config.get(name::BTCPAY_URL);
    btcpay.into_iter().chain([zaprite_url(config)]).collect()
}

/// The `store_id` of an organization at Zaprite, or of its key while it is not known.
#[must_use]
pub fn zaprite_store_id(organization: Option<&str>, api_key: &str) -> String {
    organization.map_or_else(
        || {
            let digest = HEXLOWER.encode(&Sha256::digest(api_key));
            let digest: String = digest.chars().take(DIGEST_CHARS).collect();
            format!("{UNKNOWN_ORGANIZATION}{digest}")
        },
        str::to_owned,
    )
}

/// The organization that a `store_id` names.
fn organization(store_id: &str) -> Option<&str> {
    let is_known = !store_id.starts_with(UNKNOWN_ORGANIZATION);
    is_known.then_some(store_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_that_is_not_known_is_not_compared() {
        let unknown = zaprite_store_id(None, "secret-key");
        assert_eq!(unknown.len(), UNKNOWN_ORGANIZATION.len() + DIGEST_CHARS);
        assert!(!unknown.contains("secret"), "{unknown}");
        assert_eq!(unknown, zaprite_store_id(None, "secret-key"));
        assert_ne!(unknown, zaprite_store_id(None, "other-key"));
        assert_eq!(organization(&unknown), None);
        let known = zaprite_store_id(Some("org_1"), "secret-key");
        assert_eq!(organization(&known), Some("org_1"));
    }

    #[test]
    fn nothing_else_than_the_configured_servers_is_called() {
        let config = |values: &[(&'static str, &str)]| {
            Config::new(
                values
                    .iter()
                    .map(|(name, value)| (*name, (*value).to_owned())),
            )
        };
        assert_eq!(servers(&config(&[])), ["https://api.zaprite.com"]);
        let both = [
            (name::BTCPAY_URL, "https://pay.example"),
            (name::ZAPRITE_URL, "http://127.0.0.1:1"),
        ];
        assert_eq!(
            servers(&config(&both)),
            ["https://pay.example", "http://127.0.0.1:1"]
        );
    }
}
