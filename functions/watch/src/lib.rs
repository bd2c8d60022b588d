//! Cron: watches Polygon for payments in USDC. This is the only function that may call
//! the RPC endpoints, so it also answers what the state of a payment is, and checks
//! whether a caller controls the wallet that paid.

mod back;
mod binaries;
mod chain;
mod claims;
mod cron;
mod follow;
mod jobs;
mod judge;
mod panel;

mod reorg;
mod report;
mod settings;
mod stretch;
mod tick;

use axum::Router;
use claims::Claims;
use keywright_ports::attempt::Attempt;
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::settings as shared;
use keywright_ports::{BoxFuture, Grants, Host, Later};
use keywright_ports::{Database, Log, Outbound, Stamps, name};
use keywright_providers::polygon::rpc::Endpoint;
use keywright_services::activity::ActivityLog;
use keywright_store::MIGRATIONS;
use keywright_store::licenses::recorded::licenses_in_force;
use keywright_web::Function;
use keywright_web::{ApiError, Callers, CronGate, WithinAttempt, api_router, repeatable};
use settings::Settings;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "watch",
    grants: Grants {
        database: Access::ReadWrite,
        sign: true,
        outbound: OutboundAccess::PolygonRpc,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::PUBLIC_URL,
            name::POLYGON_RPC_URLS,
            name::POLYGON_CHAIN_ID,
            name::USDC_ADDRESS,
            name::WALLET_ADDRESS,
            name::USDC_INSTANCE,
            name::POLYGON_CONFIRMATIONS,
            name::POLYGON_START_BLOCK,
            name::LEGACY_TX_CLAIMS,
            name::CRON_TOKEN,
            name::RECEIPT_KEYS,
        ],
        ..Grants::NONE
    },
    router,
    migrations: MIGRATIONS,
    tick: Some(scheduled),
    settings: &[
        shared::CLIENT_ADDRESS_HEADER,
        shared::PUBLIC_URL,
        shared::RECEIPT_KEYS,
        shared::CRON_TOKEN,
        settings::USDC,
    ],
};

keywright_host::entry!(FUNCTION, cron);

keywright_web::endpoints! {
    Ports;
    claims {
        claims::status,
        claims::challenge,
        claims::claim,
        binaries::challenge,
        binaries::claim,
    }
    ticks { cron(query) }
}

#[derive(Clone)]
struct Ports {
    database: Database,
    stamps: Stamps,
    log: Log,
    /// The settings and the endpoints; `None` when no endpoint is configured; or what is
    /// wrong with the configuration.
    watched: Arc<Result<Option<(Settings, Outbound)>, String>>,
    /// Who may start a tick over HTTP.
    cron: CronGate,
    claims: Arc<Claims>,
    /// The keys that seal receipts.
    receipt_keys: Result<ReceiptKeys, NoReceiptKeys>,
    /// Records shown keys.
    activity: ActivityLog,
}

impl Ports {
    fn of(host: &Host) -> Result<Self, PortError> {
        let config = &host.config;
        let settings = Settings::configured(config);
        let urls: Vec<&str> = match &settings {
            Ok(Some(settings)) => settings
                .endpoints
                .iter()
                .map(Endpoint::secret_url)
                .collect(),
            _ => Vec::new(),
        };
        let outbound = host.outbound(&urls)?;
        let watched = settings.map(|settings| settings.map(|settings| (settings, outbound)));
        Ok(Self {
            database: host.database()?,
            stamps: host.stamps(),
            log: host.log.clone(),
            watched: Arc::new(watched),
            cron: CronGate::open(host, ActivityLog::open(host)?)?,
            claims: Arc::new(Claims::of(host)?),
            receipt_keys: ReceiptKeys::configured(config),
            activity: ActivityLog::open(host)?,
        })
    }

    /// The settings and the endpoints, for a request that needs the chain.
    fn watched(&self) -> Result<&(Settings, Outbound), ApiError> {
        let not_configured = |reason: &str| {
            ApiError::unavailable(
                "usdc_not_configured",
                "the vendor does not accept payments in USDC",
                reason,
            )
        };
        match &*self.watched {
            Ok(Some(watched)) => Ok(watched),
            Ok(None) => Err(not_configured("POLYGON_RPC_URLS is not configured")),
            Err(reason) => Err(not_configured(reason)),
        }
    }
}

impl WithinAttempt for Ports {
    fn within(mut self, attempt: Arc<Attempt>) -> Self {
        self.database = self.database.within(attempt);
        self
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports::of(host)?;
    ports.claims.warn(&host.log);
    let claims = claims().router.with_state(ports.clone());
    let ticks = ticks().router.with_state(ports);
    Ok(api_router(
        repeatable(claims, host, Callers::Anonymous, licenses_in_force)?.merge(ticks),
    ))
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
