//! The catalog, orders, polling, redeeming, recovering, and download links for what was
//! bought.

mod buy;
mod codes;
mod license_key;
mod link;
mod orders;
mod policies;
mod poll;
mod preview;
mod product;
mod product_lookup;
mod products;
mod qr;
mod readyz;
mod recover_mail;
mod redeem;
mod selection;
mod seller;
mod storefront;
mod subscriptions;
mod upgrades;
mod usdc;
mod usdc_settings;

use axum::Router;
use keywright_license::VerifyKeys;
use keywright_ports::attempt::Attempt;
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::{
    Database, Level, Log, Outbound, SettingFault, Sign, SignedLicense, Stamps, name, settings,
};
use keywright_ports::{Grants, Host};
use keywright_services::activity::ActivityLog;
use keywright_services::configuration;
use keywright_services::payment_providers::{self, PaymentProviders};
use keywright_store::licenses::recorded::licenses_in_force;
use keywright_web::Function;
use keywright_web::{ApiError, Callers, WithinAttempt, api_router, repeatable};
use std::sync::Arc;
use usdc_settings::UsdcSettings;

/// This function.
pub const FUNCTION: Function = Function {
    name: "purchase",
    grants: Grants {
        database: Access::ReadWrite,
        sign: true,
        outbound: OutboundAccess::PaymentProviders,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::PUBLIC_URL,
            name::VERIFY_KEYS,
            name::OPERATOR_NAME,
            name::BTCPAY_URL,
            name::BTCPAY_API_KEY,
            name::BTCPAY_STORE_ID,
            name::BTCPAY_BROWSER_URL,
            name::ZAPRITE_URL,
            name::CREDENTIALS_KEY,
            name::RECEIPT_KEYS,
            name::POLYGON_CHAIN_ID,
            name::USDC_ADDRESS,
            name::WALLET_ADDRESS,
            name::WALLET_XPUB,
            name::USDC_ORDER_MINUTES,
            name::USDC_AMOUNT_SPREAD,
            name::USDC_INSTANCE,
        ],
        ..Grants::NONE
    },
    router,
    migrations: keywright_store::MIGRATIONS,
    tick: None,
    settings: &[
        settings::CLIENT_ADDRESS_HEADER,
        settings::REQUIRED_PUBLIC_URL,
        settings::OPERATOR_NAME,
        settings::RECEIPT_KEYS,
        settings::CREDENTIALS_KEY,
        configuration::VERIFY_KEYS,
        configuration::BTCPAY_STORE,
        configuration::BTCPAY_BROWSER_URL,
        configuration::ZAPRITE_URL,
        usdc_settings::USDC,
    ],
};

keywright_host::entry!(FUNCTION);

keywright_web::endpoints! {
    Ports;
    orders {
        buy,
        redeem,
        subscriptions::pay,
        license_key::replace,
        upgrades::upgrade,
    }
    reads {
        products,
        product,
        policies,
        preview(query),
        poll,
        qr,
        license_key::recover,
        license_key::current,
        recover_mail::ask,
        recover_mail::show,
        recover_mail::open,
        link,
        subscriptions::show,
        subscriptions::cancel,
        subscriptions::resume,
        subscriptions::change,
        upgrades::quote,
        storefront(query),
        readyz(query),
    }
}

#[derive(Clone)]
struct Ports {
    database: Database,
    sign: Sign,
    stamps: Stamps,
    log: Log,
    /// Where buyers reach this instance, without a trailing slash, or why that is unknown.
    public_url: Result<Arc<str>, Arc<str>>,
    /// What is wrong with the configuration.
    faults: Arc<[SettingFault]>,
    /// The public keys, newest first, or why there are none.
    keys: Arc<Result<VerifyKeys, String>>,
    operator: Option<Arc<str>>,
    /// The providers that orders are paid at.
    payment_providers: PaymentProviders,
    /// The name under which browsers reach the `BTCPay` Server, if it is another one.
    btcpay_browser_url: Option<Arc<str>>,
    /// The way to the providers.
    outbound: Outbound,
    /// The keys that seal receipts.
    receipt_keys: Result<ReceiptKeys, NoReceiptKeys>,
    /// Counts that keys are shown.
    activity: ActivityLog,
    /// How orders are paid in USDC, or why they cannot be.
    usdc: Arc<Result<UsdcSettings, String>>,
}

impl Ports {
    /// Where buyers reach this instance, without a trailing slash.
    fn public_url(&self) -> Result<&str, ApiError> {
        self.public_url.as_deref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "this instance does not know its public address yet",
                &**reason,
            )
        })
    }

    /// The public keys.
    fn keys(&self) -> Result<&VerifyKeys, ApiError> {
        self.keys.as_ref().as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "no public key is configured yet",
                reason.as_str(),
            )
        })
    }

    /// Key and token of a license; `None`, with a line in the log, if it cannot be signed
    /// now. A buyer who polls keeps polling while the key is null; an error would stop the
    /// SDKs although the next poll may succeed.
    async fn signed(&self, license_id: &str, request_id: &str) -> Option<SignedLicense> {
        match self.sign.license(license_id).await {
            Ok(signed) => Some(signed),
            Err(error) => {
                self.log.write(Level::Error, request_id, &error.to_string());
                None
            }
        }
    }

    /// The keys that seal receipts. Nothing is sold without them, because no payment could be
    /// recorded.
    fn receipt_keys(&self) -> Result<&ReceiptKeys, ApiError> {
        self.receipt_keys.as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "this instance is not set up to sell yet",
                reason.to_string(),
            )
        })
    }

    /// How orders are paid in USDC.
    fn usdc(&self) -> Result<&UsdcSettings, ApiError> {
        self.usdc.as_ref().as_ref().map_err(|reason| {
            ApiError::unavailable(
                "usdc_not_configured",
                "the vendor takes no payments in USDC",
                reason.as_str(),
            )
        })
    }
}

keywright_web::from_ref! {
    Ports { database: Database, sign: Sign, stamps: Stamps, activity: ActivityLog }
}

impl WithinAttempt for Ports {
    fn within(mut self, attempt: Arc<Attempt>) -> Self {
        self.database = self.database.within(attempt);
        self
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let config = &host.config;
    let outbound = host.outbound(&payment_providers::servers(config))?;
    let plain = |url: &str| -> Arc<str> { url.trim_end_matches('/').into() };
    let ports = Ports {
        database: host.database()?,
        sign: host.sign()?,
        stamps: host.stamps(),
        log: host.log.clone(),
        public_url: settings::public_url(config)
            .map(Into::into)
            .map_err(Into::into),
        faults: settings::faults(FUNCTION.settings, config).into(),
        keys: Arc::new(configuration::verify_keys(config)),
        operator: config.get(name::OPERATOR_NAME).map(Into::into),
        payment_providers: PaymentProviders::configured(config),
        btcpay_browser_url: config.get(name::BTCPAY_BROWSER_URL).map(plain),
        outbound,
        receipt_keys: ReceiptKeys::configured(config),
        usdc: Arc::new(UsdcSettings::configured(config)),
        activity: ActivityLog::open(host)?,
    };
    // Reads change nothing, so they take no Idempotency-Key.
    let (orders, reads) = (orders().router, reads().router);
    let orders = orders.with_state(ports.clone());
    let reads = reads.with_state(ports);
    let orders = repeatable(orders, host, Callers::Anonymous, licenses_in_force)?;
    Ok(api_router(orders.merge(reads)))
}
