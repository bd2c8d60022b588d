//! Who sells a product, and the store that an order of it is paid at: the one
//! that its business connected, else, for the default business, the one of the
//! configuration.

use crate::{Ports, usdc};
use keywright_domain::merchant::Redirect;
use keywright_domain::order::OrderSecret;
use keywright_domain::rail::{ProviderKind, Rail};
use keywright_ports::Unavailable;
use keywright_providers::btcpay::Store;
use keywright_store::catalog::sellers::{self, Seller};
use keywright_store::sales::payment_providers::Provider;
use keywright_web::ApiError;

/// The store of an order.
#[derive(Clone)]
pub(crate) struct Account {
    /// The connected provider; `None` for the store of the configuration.
    pub(crate) provider_id: Option<String>,
    pub(crate) store: Store,
}

/// Who sells the product with this slug.
///
/// # Errors
/// As the database.
pub(crate) async fn of(ports: &Ports, slug: &str) -> Result<Seller, ApiError> {
    sellers::of_product(&ports.database, slug)
        .await?
        .ok_or_else(|| ApiError::internal("there is no default business"))
}

/// Where a buyer goes after paying: where they asked to, else where the
/// business sends its buyers, else to the instance's own page. The payment provider
/// reads this address, so it holds the secret only where the business's template
/// names it.
pub(crate) fn redirect(
    asked: Option<&str>,
    seller: &Seller,
    public_url: &str,
    (order_id, secret): (&str, &OrderSecret),
) -> String {
    if let Some(asked) = asked {
        return asked.to_owned();
    }
    let template = seller.post_purchase_redirect_url.as_deref();
    match template.and_then(|template| Redirect::parse(template).ok()) {
        Some(redirect) => redirect.of(order_id, secret.as_str()),
        None => format!("{public_url}/thank-you?order_id={order_id}"),
    }
}

impl Ports {
    /// The store that an order is paid at.
    ///
    /// # Errors
    /// 400 where the business has none, 503 where it cannot be used.
    pub(crate) fn account(&self, seller: &Seller, rail: Option<Rail>) -> Result<Account, ApiError> {
        if let Some(provider) = connected(seller, rail) {
            return self.connected_account(provider);
        }
        if !seller.is_default {
            return Err(ApiError::bad_request(
                "product: no payment provider is connected for it",
            ));
        }
        match self.payment_providers.configured_store() {
            Ok(store) => Ok(Account {
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

    fn connected_account(&self, provider: &Provider) -> Result<Account, ApiError> {
        let opened = self.payment_providers.open(provider);
        Ok(Account {
            provider_id: Some(provider.id.clone()),
            store: opened.map_err(Unavailable::from)?.store,
        })
    }

    /// The wallet that an order in USDC is paid to: that of the configuration,
    /// which is the default business's, as the configured store is.
    ///
    /// # Errors
    /// 400 for another business, 503 where there is none.
    pub(crate) fn usdc_of(&self, seller: &Seller) -> Result<&usdc::Settings, ApiError> {
        if seller.is_default {
            self.usdc()
        } else {
            Err(ApiError::bad_request(
                "rail: the business that sells this takes no USDC",
            ))
        }
    }

    /// What a purchase from this business may name as its `rail`, but for
    /// `usdc`.
    pub(crate) fn rails(&self, seller: &Seller) -> Vec<&'static str> {
        let asked = [Rail::Lightning, Rail::Onchain].into_iter();
        asked
            .filter(|rail| self.account(seller, Some(*rail)).is_ok())
            .map(Rail::as_str)
            .collect()
    }

    /// A link to the checkout as a buyer's browser reaches it: where the server
    /// is known to browsers under another name, with that one.
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
