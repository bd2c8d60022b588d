//! Who sells a product: its business, and the providers it is paid at.

use crate::catalog::merchant_profiles::RailPreference;
use crate::columns;
use crate::sales::payment_providers::Provider;
use keywright_domain::rail::{Candidate, ProviderKind, Rail, choose};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// The business that sells a product.
#[derive(Debug, Clone, Deserialize)]
pub struct Seller {
    /// The business.
    pub profile_id: String,
    /// Its name for buyers; empty where the operator's name stands for it.
    pub name: String,
    /// The name in its contracts.
    pub legal_name: Option<String>,
    /// Where to get help.
    pub support_url: Option<String>,
    /// An e-mail address for help.
    pub support_email: Option<String>,
    /// `#rrggbb`.
    pub brand_color: Option<String>,
    /// Where buyers go after paying.
    pub post_purchase_redirect_url: Option<String>,
    /// Whether the shop mails a link to buyers who ask for their licenses.
    #[serde(deserialize_with = "columns::flag")]
    pub recovers_by_mail: bool,
    /// Whether it is the default one, which sells through the configured store
    /// where none is connected.
    #[serde(deserialize_with = "columns::flag")]
    pub is_default: bool,
    /// Its connected providers.
    #[serde(deserialize_with = "columns::json")]
    pub providers: Vec<Provider>,
    /// Which of them it prefers for which way of paying.
    #[serde(deserialize_with = "columns::json")]
    pub rail_preferences: Vec<RailPreference>,
}

/// The provider that an order is paid at.
#[derive(Debug, Clone, Copy)]
pub enum SellerProvider<'a> {
    /// One that the business connected.
    Connected(&'a Provider),
    /// The store of the configuration.
    Configured,
}

/// The store of the configuration among the candidates. It was there before any other, and
/// nobody can prefer it: a store that the business connects takes its place.
const CONFIGURED: Candidate<'static> = Candidate {
    id: "",
    kind: ProviderKind::Btcpay,
    connected_at: i64::MIN,
};

impl Seller {
    /// The provider that an order is paid at, the store of the configuration among them if
    /// the business may sell through it; `None` when none takes this way of paying.
    #[must_use]
    pub fn provider(
        &self,
        rail: Option<Rail>,
        sells_by_configuration: bool,
    ) -> Option<SellerProvider<'_>> {
        let mut candidates: Vec<Candidate<'_>> =
            self.providers.iter().map(Provider::candidate).collect();
        let has_store = candidates
            .iter()
            .any(|candidate| candidate.kind == CONFIGURED.kind);
        if sells_by_configuration && !has_store {
            candidates.push(CONFIGURED);
        }
        let preferred = |rail: Rail| {
            let of_rail = self.rail_preferences.iter().find(|one| one.rail == rail);
            of_rail.map(|one| one.payment_provider_id.as_str())
        };
        let chosen = choose(&candidates, preferred, rail)?;
        let connected = self.providers.iter().find(|one| one.id == chosen.id);
        Some(connected.map_or(SellerProvider::Configured, SellerProvider::Connected))
    }
}

/// Who sells the product with this slug; the default business for one that
/// names none, and for what is no product.
///
/// # Errors
/// [`DatabaseError`].
pub async fn of_product(database: &Reader, slug: &str) -> Result<Option<Seller>, DatabaseError> {
    let statement = Statement::new(
        "SELECT m.id AS profile_id, m.name, m.legal_name, m.support_url, m.support_email,
                m.brand_color, m.post_purchase_redirect_url, m.is_default,
                coalesce((SELECT is_on FROM mail_state), 0) AS recovers_by_mail,
                (SELECT json_group_array(json_object(
                          'id', id, 'merchant_profile_id', merchant_profile_id, 'kind', kind,
                          'base_url', base_url, 'store_id', store_id,
                          'credentials', credentials, 'connected_at', connected_at,
                          'webhook_id', webhook_id))
                 FROM payment_providers
                 WHERE merchant_profile_id = m.id AND disconnected_at IS NULL) AS providers,
                (SELECT json_group_array(json_object(
                          'rail', rail, 'payment_provider_id', payment_provider_id))
                 FROM rail_preferences WHERE merchant_profile_id = m.id) AS rail_preferences
         FROM merchant_profiles m
         WHERE m.id = coalesce((SELECT merchant_profile_id FROM products WHERE slug = ?1),
                               (SELECT id FROM merchant_profiles WHERE is_default = 1))",
        [slug.into()],
    );
    database.first(statement).await
}
