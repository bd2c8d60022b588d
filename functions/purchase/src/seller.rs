//! Who sells a product, and the store that an order of it is paid at: the one that its
//! business connected, else, for the default business, the one of the configuration.

use crate::Ports;
use crate::orders::pay_by::BitcoinRail;
use crate::usdc_settings::UsdcSettings;
use keywright_domain::merchant::{Redirect, named_redirect};
use keywright_domain::order::OrderIdentity;
use keywright_domain::rail::{ProviderKind, Rail};
use keywright_ports::Unavailable;
use keywright_providers::btcpay::Store;
use keywright_store::catalog::sellers::{self, Seller};
use keywright_store::sales::payment_providers::Provider;
use keywright_web::ApiError;

/// The store of an order.
#[derive(Clone)]
pub(crate) struct SellerStore {
    /// The connected provider; `None` for the store of the configuration.
    pub(crate) provider_id: Option<String>,
    pub(crate) store: Store,
}

/// Who sells the product with this slug.
pub(crate) async fn of(ports: &Ports, slug: &str) -> Result<Seller, ApiError> {
    sellers::of_product(&ports.database, slug)
        .await?
        .ok_or_else(|| ApiError::internal("there is no default business"))
}

/// Where a buyer goes after paying: to the address that the order named, else to the one of
/// the business, else to the instance's own page. The payment provider reads this address,
/// so it holds the secret only if the order or the business's template asks for it.
pub(crate) fn redirect(
    named: Option<&str>,
    seller: &Seller,
    public_url: &str,
    identity: &OrderIdentity,
) -> String {
    let (order_id, secret) = (&identity.id, identity.secret.as_str());
    if let Some(named) = named {
        // The store fills its own id in.
        return named_redirect(named, order_id, secret, None);
    }
    let template = seller.post_purchase_redirect_url.as_deref();
    match template.and_then(|template| Redirect::parse(template).ok()) {
        Some(redirect) => redirect.of(order_id, secret),
        None => format!("{public_url}/thank-you?order_id={order_id}"),
    }
}

impl Ports {
    /// The store that an order is paid at.
    ///
    /// # Errors
    /// 400 where the business has none, 503 where it cannot be used.
    pub(crate) fn account(
        &self,
        seller: &Seller,
        rail: Option<Rail>,
    ) -> Result<SellerStore, ApiError> {
        if let Some(provider) = connected(seller, rail) {
            return self.connected_account(provider);
        }
        if !seller.is_default {
            return Err(ApiError::bad_request(
                "product cannot be paid yet: its business has not connected a payment provider",
            ));
        }
        match self.payment_providers.configured_store() {
            Ok(store) => Ok(SellerStore {
                provider_id: None,
                store: store.clone(),
            }),
            Err(reason) => Err(ApiError::unavailable(
                "btcpay_not_configured",
                "the vendor has not connected a payment provider yet",
                reason,
            )),
        }
    }

    fn connected_account(&self, provider: &Provider) -> Result<SellerStore, ApiError> {
        let opened = self.payment_providers.open(provider);
        Ok(SellerStore {
            provider_id: Some(provider.id.clone()),
            store: opened.map_err(Unavailable::from)?.store,
        })
    }

    /// The wallet that an order in USDC is paid to: that of the configuration,
    /// which is the default business's, as the configured store is.
    ///
    /// # Errors
    /// 400 for another business, 503 where there is none.
    pub(crate) fn usdc_of(&self, seller: &Seller) -> Result<&UsdcSettings, ApiError> {
        if seller.is_default {
            self.usdc()
        } else {
            Err(ApiError::bad_request(
                "rail usdc is not available: the business that sells this takes no USDC",
            ))
        }
    }

    /// The rails that an order from this business may name, besides `usdc`.
    pub(crate) fn rails(&self, seller: &Seller) -> Vec<&'static str> {
        BitcoinRail::ALL
            .map(BitcoinRail::rail)
            .into_iter()
            .filter(|rail| self.account(seller, Some(*rail)).is_ok())
            .map(Rail::as_str)
            .collect()
    }

    /// A link to the checkout with the name under which browsers reach the server.
    pub(crate) fn for_browsers(&self, link: String) -> String {
        let inside = self.payment_providers.server_url();
        let (Some(inside), Some(outside)) = (inside, &self.btcpay_browser_url) else {
            return link;
        };
        match link.strip_prefix(inside) {
            Some(rest) if rest.starts_with('/') => format!("{outside}{rest}"),
            _ => link,
        }
    }
}

/// The connected store that takes this way of paying.
fn connected(seller: &Seller, rail: Option<Rail>) -> Option<&Provider> {
    let provider = seller.provider(rail)?;
    (provider.kind == ProviderKind::Btcpay).then_some(provider)
}
