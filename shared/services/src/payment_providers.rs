//! Opens the store that an order is paid at: the one of the configuration, or one that
//! a merchant profile connected.

use keywright_ports::vault::{NoVault, Vault};
use keywright_ports::{Config, Unavailable, name};
use keywright_providers::btcpay::Store;
use keywright_store::sales::payment_providers::{CredentialsError, Provider};
use std::fmt;
use std::sync::Arc;

/// The payment providers of an instance; cheap to clone.
#[derive(Clone)]
pub struct PaymentProviders {
    server_url: Option<Arc<str>>,
    configured: Arc<Result<Store, String>>,
    vault: Arc<Result<Vault, NoVault>>,
}

/// A connected store with what opens it. It does not print.
pub struct OpenProvider {
    /// The store.
    pub store: Store,
    /// The API key.
    pub api_key: String,
    /// The secret of its webhook.
    pub webhook_secret: String,
}

/// Why a connected store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderUnusable {
    /// It is at another server than the configured one.
    #[error("the connected store is at {connected}, and BTCPAY_URL is another server")]
    OtherServer {
        /// Where the store is.
        connected: String,
    },
    /// Its credentials cannot be read.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Its address, its id or its key is not one of a store.
    #[error("payment provider {id} is no store: {reason}")]
    NoStore {
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
            ProviderUnusable::OtherServer { .. } | ProviderUnusable::NoStore { .. } => (
                "service_unavailable",
                "the connected store is at another server than the one this instance is \
                 configured for; connect it again, or configure its server as BTCPAY_URL",
            ),
            ProviderUnusable::Credentials(_) => (
                "credentials_unreadable",
                "the credentials of the connected store cannot be read; configure the \
                 CREDENTIALS_KEY they were sealed with, or connect the store again",
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
            configured: Arc::new(store.map_err(|error| error.to_string())),
            vault: Arc::new(Vault::configured(config)),
        }
    }

    /// The vendor's server, without a trailing slash; every store is there.
    #[must_use]
    pub fn server_url(&self) -> Option<&str> {
        self.server_url.as_deref()
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

    /// Opens a connected store, if it is at the configured server. Nothing is ever sent
    /// to another one: a host's manifest names one.
    pub fn open(&self, provider: &Provider) -> Result<OpenProvider, ProviderUnusable> {
        let at = provider.base_url.trim_end_matches('/');
        if self.server_url() != Some(at) {
            return Err(ProviderUnusable::OtherServer {
                connected: provider.base_url.clone(),
            });
        }
        let credentials = provider.open(&self.vault)?;
        let unreadable = || CredentialsError::Unreadable {
            id: provider.id.clone(),
        };
        let api_key = credentials.api_key.ok_or_else(unreadable)?;
        let store = Store::new(&provider.base_url, &provider.store_id, &api_key);
        let no_store = |reason: String| ProviderUnusable::NoStore {
            id: provider.id.clone(),
            reason,
        };
        Ok(OpenProvider {
            store: store.map_err(|error| no_store(error.to_string()))?,
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
