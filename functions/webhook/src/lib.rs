//! What payment providers call, and where an operator's browser returns after the operator
//! agreed to connect one.

mod client;
mod connecting;
mod deliveries;

use axum::Router;
use deliveries::WebhookStore;
use keywright_domain::secrets::check_secret;
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::settings::{self, fault_of};
use keywright_ports::{Config, Database, Log, Outbound, Stamps, name};
use keywright_ports::{Grants, Host, Setting};
use keywright_providers::account::Account;
use keywright_providers::btcpay::WebhookSecret;
use keywright_services::configuration;
use keywright_services::payment_providers::{PaymentProviders, servers};
use keywright_store::MIGRATIONS;
use keywright_web::Function;
use keywright_web::api_router;
use std::sync::Arc;

/// Shortest secret of the configured store's webhook, in bytes: `BTCPay` makes one of 27
/// characters.
const MIN_WEBHOOK_SECRET_BYTES: usize = 16;

/// This function.
pub const FUNCTION: Function = Function {
    name: "webhook",
    grants: Grants {
        database: Access::ReadWrite,
        outbound: OutboundAccess::PaymentProviders,
        config: &[
            name::PUBLIC_URL,
            name::BTCPAY_URL,
            name::BTCPAY_API_KEY,
            name::BTCPAY_STORE_ID,
            name::BTCPAY_WEBHOOK_SECRET,
            name::ZAPRITE_URL,
            name::CREDENTIALS_KEY,
            name::RECEIPT_KEYS,
        ],
        ..Grants::NONE
    },
    router,
    migrations: MIGRATIONS,
    tick: None,
    settings: &[
        settings::PUBLIC_URL,
        settings::RECEIPT_KEYS,
        settings::CREDENTIALS_KEY,
        configuration::BTCPAY_STORE,
        configuration::ZAPRITE_URL,
        WEBHOOK_SECRET,
    ],
};

keywright_host::entry!(FUNCTION);

keywright_web::endpoints! {
    Ports;
    routes {
        deliveries::configured(query),
        deliveries::connected(query),
        deliveries::zaprite(query),
        connecting::get(query),
        connecting::post(query),
    }
}

/// `BTCPAY_WEBHOOK_SECRET`, which the configured store needs.
const WEBHOOK_SECRET: Setting = Setting {
    names: &[name::BTCPAY_WEBHOOK_SECRET],
    check: |config| {
        let is_set = config.get(name::BTCPAY_WEBHOOK_SECRET).is_some();
        let needs_one = PaymentProviders::configured(config)
            .configured_store()
            .is_ok();
        if is_set || needs_one {
            fault_of(webhook_secret(config))
        } else {
            Vec::new()
        }
    },
};

#[derive(Clone)]
struct Ports {
    database: Database,
    stamps: Stamps,
    log: Log,
    outbound: Outbound,
    /// The public address of this instance, without a trailing slash.
    public_url: Option<Arc<str>>,
    /// The store of the configuration, or why there is none.
    configured: Arc<Result<WebhookStore, String>>,
    /// The providers that orders are paid at.
    payment_providers: PaymentProviders,
    /// What seals receipts.
    receipt_keys: Result<ReceiptKeys, NoReceiptKeys>,
}

/// The configured store's webhook secret, or why it cannot be used.
fn webhook_secret(config: &Config) -> Result<WebhookSecret, String> {
    let name = name::BTCPAY_WEBHOOK_SECRET;
    let missing = || format!("{name} is not configured; have BTCPay make one");
    let secret = config.get(name).ok_or_else(missing)?;
    check_secret(secret.as_bytes(), MIN_WEBHOOK_SECRET_BYTES)
        .map_err(|weak| format!("{name} {weak}; have BTCPay make one"))?;
    WebhookSecret::new(secret).ok_or_else(missing)
}

fn router(host: &Host) -> Result<Router, PortError> {
    let config = &host.config;
    let payment_providers = PaymentProviders::configured(config);
    let configured = match (payment_providers.configured_store(), webhook_secret(config)) {
        (Ok(store), Ok(secret)) => Ok(WebhookStore {
            account: Account::Btcpay(store.clone()),
            secret,
            provider_id: None,
        }),
        (Ok(_), Err(reason)) => Err(reason),
        (Err(reason), _) => Err(reason.to_owned()),
    };
    let ports = Ports {
        database: host.database()?,
        stamps: host.stamps(),
        log: host.log.clone(),
        outbound: host.outbound(&servers(config))?,
        public_url: settings::public_url(config).ok().map(Into::into),
        configured: Arc::new(configured),
        payment_providers,
        receipt_keys: ReceiptKeys::configured(config),
    };
    Ok(api_router(routes().router.with_state(ports)))
}
