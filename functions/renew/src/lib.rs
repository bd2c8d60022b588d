//! Cron: reconciles orders whose webhook was lost or broke off between two steps, looks after
//! subscriptions, seals the
//! audit log, and deletes what has served its time.

mod cleanup;
mod cron;
mod download_ids;
mod instance_license;
mod purge;
mod receipts;
mod reconcile;
mod renewals;
mod reservations;
mod seal;
mod tick;

use axum::Router;
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::vault::{NoVault, Vault};
use keywright_ports::{BoxFuture, Grants, Host, Later, settings};
use keywright_ports::{Database, Log, Outbound, Sign, Stamps, name};
use keywright_services::activity::ActivityLog;
use keywright_services::configuration;
use keywright_services::instance_license::{INSTANCE_LICENSE, InstanceLicensing};
use keywright_services::payment_providers::{PaymentProviders, servers};
use keywright_store::MIGRATIONS;
use keywright_store::operator::retention;
use keywright_web::Function;
use keywright_web::{CronGate, api_router};

/// This function.
pub const FUNCTION: Function = Function {
    name: "renew",
    grants: Grants {
        database: Access::ReadWrite,
        sign: true,
        outbound: OutboundAccess::PaymentProvidersAndIssuer,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::PUBLIC_URL,
            name::BTCPAY_URL,
            name::BTCPAY_API_KEY,
            name::BTCPAY_STORE_ID,
            name::ZAPRITE_URL,
            name::CREDENTIALS_KEY,
            name::RECEIPT_KEYS,
            name::CRON_TOKEN,
            name::VALIDATION_LOG_DAYS,
            name::DOWNLOAD_LOG_DAYS,
            name::ABANDONED_ORDER_DAYS,
            name::EVENT_DAYS,
            name::AUDIT_DAYS,
            name::INSTANCE_ISSUER_KEY,
            name::INSTANCE_ISSUER_URL,
            name::INSTANCE_PRODUCT_SLUG,
            name::INSTANCE_PRODUCT_ID,
            name::INSTANCE_LICENSE,
        ],
        ..Grants::NONE
    },
    router,
    migrations: MIGRATIONS,
    tick: Some(scheduled),
    settings: &[
        settings::PUBLIC_URL,
        settings::CLIENT_ADDRESS_HEADER,
        settings::CREDENTIALS_KEY,
        settings::RECEIPT_KEYS,
        settings::CRON_TOKEN,
        configuration::BTCPAY_STORE,
        configuration::ZAPRITE_URL,
        configuration::VALIDATION_LOG_DAYS,
        configuration::DOWNLOAD_LOG_DAYS,
        configuration::ORDER_AND_EVENT_DAYS,
        configuration::AUDIT_DAYS,
        INSTANCE_LICENSE,
    ],
};

keywright_host::entry!(FUNCTION, cron);

keywright_web::endpoints! {
    Ports;
    routes { cron(query) }
}

#[derive(Clone)]
struct Ports {
    database: Database,
    stamps: Stamps,
    log: Log,
    outbound: Outbound,
    /// The providers that orders are paid at.
    payment_providers: PaymentProviders,
    /// What seals receipts.
    receipt_keys: Result<ReceiptKeys, NoReceiptKeys>,
    /// Who may start a tick over HTTP.
    cron: CronGate,
    /// For how many days validations are kept; `None` if the setting cannot be read: then
    /// nothing is deleted.
    validation_log_days: Option<i64>,
    /// The same for downloads.
    download_log_days: Option<i64>,
    /// The same for orders that ended unpaid.
    abandoned_order_days: Option<i64>,
    /// The same for outgoing events.
    event_days: Option<i64>,
    /// The same for sealed audit entries; `None` also where they are kept forever.
    audit_days: Option<i64>,
    /// Signs the head of the audit log; `None` where it is not bound.
    sign: Option<Sign>,
    /// Where buyers reach this instance.
    public_url: Option<String>,
    /// Whether the host sets caps.
    licensing: InstanceLicensing,
    /// Opens the key of the instance's license.
    vault: Result<Vault, NoVault>,
}

impl Ports {
    fn of(host: &Host) -> Result<Self, PortError> {
        let config = &host.config;
        let mut hosts = servers(config);
        hosts.extend(InstanceLicensing::url(config));
        let days = |log: retention::Log| retention::days(log, config.get(log.config())).ok();
        Ok(Self {
            database: host.database()?,
            stamps: host.stamps(),
            log: host.log.clone(),
            outbound: host.outbound(&hosts)?,
            payment_providers: PaymentProviders::configured(config),
            receipt_keys: ReceiptKeys::configured(config),
            cron: CronGate::open(host, ActivityLog::open(host)?)?,
            validation_log_days: days(retention::Log::Validations),
            download_log_days: days(retention::Log::Downloads),
            abandoned_order_days: days(retention::Log::AbandonedOrders),
            event_days: days(retention::Log::Events),
            audit_days: retention::audit_days(config.get(name::AUDIT_DAYS))
                .ok()
                .flatten(),
            sign: host.sign().ok(),
            public_url: settings::public_url(config).ok().map(str::to_owned),
            licensing: InstanceLicensing::configured(config),
            vault: Vault::configured(config),
        })
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports::of(host)?;
    Ok(api_router(routes().router.with_state(ports)))
}

fn scheduled(host: Host, _: Later) -> BoxFuture<'static, Result<(), String>> {
    Box::pin(async move {
        let ports = Ports::of(&host).map_err(|error| error.to_string())?;
        tick::tick(&ports, "")
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    })
}
