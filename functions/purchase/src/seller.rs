//! Who sells a product, and the provider that an order of it is paid at: one that its
//! business connected, or, for the default business, the store of the configuration.

use crate::Ports;
use crate::usdc_settings::UsdcSettings;
use keywright_domain::merchant::{Redirect, named_redirect};
use keywright_domain::order::OrderIdentity;
use keywright_domain::rail::Rail;
use keywright_ports::Unavailable;
use keywright_providers::account::Account;
use keywright_store::catalog::sellers::{self, Seller, SellerProvider};
use keywright_store::sales::payment_providers::Provider;
use keywright_web::ApiError;

/// The provider of an order.
#[derive(Clone)]
pub(crate) struct SellerAccount {
    pub(crate) account: Account,
    /// The connected provider; `None` for the store of the configuration.
    pub(crate) provider: Option<Provider>,
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
        // BTCPay fills its own id in; Zaprite adds its own as `orderId`.
        return named_redirect(named, order_id, secret, None);
    }
    let template = seller.post_purchase_redirect_url.as_deref();
    match template.and_then(|template| Redirect::parse(template).ok()) {
        Some(redirect) => redirect.of(order_id, secret),
        None => format!("{public_url}/thank-you?order_id={order_id}"),
    }
}

impl Ports {
    /// The provider that an order is paid at.
    ///
    /// # Errors
    /// 400 where the business has none that takes the rail, 503 where it cannot be used.
    pub(crate) fn account(
        &self,
        seller: &Seller,
        rail: Option<Rail>,
    ) -> Result<SellerAccount, ApiError> {
        let configured = self.payment_providers.configured_store();
        let sells_by_configuration = seller.is_default && configured.is_ok();
        match (seller.provider(rail, sells_by_configuration), configured) {
            (Some(SellerProvider::Connected(provider)), _) => {
                let opened = self.payment_providers.open(provider);
                Ok(SellerAccount {
                    account: opened.map_err(Unavailable::from)?.account,
                    provider: Some(provider.clone()),
                })
            }
            (Some(SellerProvider::Configured), Ok(store)) => Ok(SellerAccount {
                account: Account::Btcpay(store.clone()),
                provider: None,
            }),
            (_, Err(reason)) if seller.is_default && seller.providers.is_empty() => {
                Err(ApiError::unavailable(
                    "btcpay_not_configured",
                    "the vendor has not connected a payment provider yet",
                    reason,
                ))
            }
            _ if seller.providers.is_empty() && !seller.is_default => Err(ApiError::bad_request(
                "product cannot be paid yet: its business has not connected a payment provider",
            )),
            _ => Err(ApiError::bad_request(
                "rail is not available: no payment provider of this business takes it",
            )),
        }
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
        Rail::ALL
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
