//! The store that a delivery is from: the one of the configuration, or a connected one.

use crate::Ports;
use keywright_domain::rail::ProviderKind;
use keywright_ports::Unavailable;
use keywright_providers::account::Account;
use keywright_providers::btcpay::WebhookSecret;
use keywright_store::sales::payment_providers;
use keywright_web::ApiError;

/// A store and the secret of its webhook.
#[derive(Clone)]
pub(crate) struct WebhookStore {
    pub(crate) account: Account,
    pub(crate) secret: WebhookSecret,
    /// The connected provider; `None` for the store of the configuration.
    pub(crate) provider_id: Option<String>,
}

impl Ports {
    /// The store of the configuration.
    ///
    /// # Errors
    /// 503 if none is configured.
    pub(crate) fn configured(&self) -> Result<&WebhookStore, ApiError> {
        self.configured.as_ref().as_ref().map_err(|reason| {
            ApiError::unavailable(
                "btcpay_not_configured",
                "no payment provider is connected",
                reason.as_str(),
            )
        })
    }

    /// The connected store with this id.
    ///
    /// # Errors
    /// 401 for an unknown or disconnected one: no delivery can be signed for it. 503 if it
    /// cannot be used now; `BTCPay` sends the delivery again.
    pub(crate) async fn connected(&self, provider_id: &str) -> Result<WebhookStore, ApiError> {
        let unknown = || ApiError::unauthorized("no store is connected under this address");
        let provider = payment_providers::connected(&self.database, provider_id)
            .await?
            .filter(|provider| provider.kind == ProviderKind::Btcpay)
            .ok_or_else(unknown)?;
        let opened = self.payment_providers.open(&provider);
        let opened = opened.map_err(Unavailable::from)?;
        let secret = WebhookSecret::new(&opened.webhook_secret)
            .ok_or_else(|| ApiError::internal("a connected store has no webhook secret"))?;
        Ok(WebhookStore {
            account: opened.account,
            secret,
            provider_id: Some(provider.id),
        })
    }
}
