//! `GET /v1/admin/payment-provider/status`: every provider the instance is paid at.

use super::Providers;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_domain::rail::Rail;
use keywright_ports::Database;
use keywright_store::sales::payment_providers;
use keywright_web::openapi::{AccessRefusals, Failures};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// Every provider.
#[derive(Serialize, ToSchema)]
#[schema(as = PaymentProviders)]
pub(crate) struct Overview {
    /// The connected ones, the one connected first first; 500 at most.
    providers: Vec<ProviderStatus>,
    /// The store of the configuration, which the default business is paid at
    /// while it has none connected.
    configuration: Configured,
    /// Whether providers can be connected: `CREDENTIALS_KEY` is configured.
    credentials_key: bool,
    /// Whether scoped keys may connect stores of test networks.
    sandbox_mode: bool,
}

/// A connected provider.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderStatus {
    /// UUID.
    id: String,
    /// `btcpay` or `zaprite`.
    kind: &'static str,
    /// UUID of its business.
    merchant_profile_id: String,
    /// Where it is.
    base_url: String,
    /// Id of the store or organization there.
    store_id: String,
    /// Id of its webhook there, where we made it.
    webhook_id: Option<String>,
    /// RFC 3339.
    connected_at: String,
    /// The ways of paying it takes.
    #[schema(value_type = Vec<String>, example = json!(["lightning", "onchain"]))]
    served_rails: &'static [Rail],
    /// Why it cannot be used, and what to do; null when it can.
    problem: Option<String>,
}

/// The store of the configuration.
#[derive(Serialize, ToSchema)]
#[schema(as = ConfiguredProvider)]
pub(crate) struct Configured {
    /// Whether there is one.
    configured: bool,
    /// The server, where one is configured.
    base_url: Option<String>,
    /// Id of the store.
    store_id: Option<String>,
    /// What is missing; null when nothing is.
    problem: Option<String>,
}

/// Shows every provider the instance is paid at. Asks nobody outside.
#[utoipa::path(
    get,
    path = "/v1/admin/payment-provider/status",
    operation_id = "listPaymentProviders",
    tag = "payment providers",
    responses(
        (status = 200, description = "Every provider.", body = Overview),
        AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(ports): State<Providers>,
) -> Result<Json<Overview>, ApiError> {
    let connected = payment_providers::all_connected(&database).await?;
    let providers = connected.into_iter().map(|provider| ProviderStatus {
        problem: (ports.accounts.open(&provider))
            .err()
            .map(|error| error.to_string()),
        id: provider.id,
        kind: provider.kind.as_str(),
        merchant_profile_id: provider.merchant_profile_id,
        base_url: provider.base_url,
        store_id: provider.store_id,
        webhook_id: provider.webhook_id,
        connected_at: rfc3339(provider.connected_at),
        served_rails: provider.kind.rails(),
    });
    let store = ports.accounts.configured_store();
    Ok(Json(Overview {
        providers: providers.collect(),
        configuration: Configured {
            configured: store.is_ok(),
            base_url: ports.accounts.server_url().map(str::to_owned),
            store_id: store.ok().map(|store| store.id().to_owned()),
            problem: store.err().map(str::to_owned),
        },
        credentials_key: ports.accounts.vault().is_ok(),
        sandbox_mode: ports.sandbox,
    }))
}
