//! Where a business is paid, at a kind of provider.

use super::{BusinessQuery, Providers, business};
use keywright_domain::dates::rfc3339;
use keywright_domain::rail::{ProviderKind, Rail};
use keywright_ports::Database;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// Where a business is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountStatus {
    /// Whether it is paid at a provider of this kind at all.
    connected: bool,
    /// `connected` by an operator, or of the `configuration`; null for none.
    source: Option<&'static str>,
    /// UUID of the business.
    merchant_profile_id: String,
    /// UUID of the connected provider.
    payment_provider_id: Option<String>,
    /// Where the provider is.
    base_url: Option<String>,
    /// Id of the store or organization there. It begins with `key-` while the organization
    /// is not known.
    store_id: Option<String>,
    /// Id of its webhook there, where we made it.
    webhook_id: Option<String>,
    /// RFC 3339.
    connected_at: Option<String>,
    /// The ways of paying it takes; empty if the business is not paid there.
    #[schema(value_type = Vec<String>, example = json!(["card", "lightning", "onchain"]))]
    served_rails: &'static [Rail],
    /// Why it cannot be used, and what to do; null when it can.
    problem: Option<String>,
}

/// The status of a business at a kind of provider. The default business is paid at the store
/// of the configuration while it has none connected.
pub(crate) async fn of(
    database: &Database,
    providers: &Providers,
    query: BusinessQuery,
    kind: ProviderKind,
) -> Result<AccountStatus, ApiError> {
    let business = business(database, query.merchant_profile_id.as_deref(), kind).await?;
    let none = AccountStatus {
        connected: false,
        source: None,
        merchant_profile_id: business.profile_id,
        payment_provider_id: None,
        base_url: None,
        store_id: None,
        webhook_id: None,
        connected_at: None,
        served_rails: &[],
        problem: None,
    };
    let has_configuration = business.is_default && kind == ProviderKind::Btcpay;
    Ok(
        match (business.provider, providers.accounts.configured_store()) {
            (Some(provider), _) => AccountStatus {
                connected: true,
                source: Some("connected"),
                problem: (providers.accounts.open(&provider))
                    .err()
                    .map(|error| error.to_string()),
                payment_provider_id: Some(provider.id),
                base_url: Some(provider.base_url),
                store_id: Some(provider.store_id),
                webhook_id: provider.webhook_id,
                connected_at: Some(rfc3339(provider.connected_at)),
                served_rails: kind.rails(),
                ..none
            },
            (None, Ok(store)) if has_configuration => AccountStatus {
                connected: true,
                source: Some("configuration"),
                base_url: providers.accounts.server_url().map(str::to_owned),
                store_id: Some(store.id().to_owned()),
                served_rails: kind.rails(),
                ..none
            },
            (None, Err(problem)) if has_configuration => AccountStatus {
                problem: Some(problem.to_owned()),
                ..none
            },
            (None, _) => none,
        },
    )
}
