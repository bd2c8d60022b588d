//! Cron: sends outgoing webhooks. It alone holds the key of their secrets and may call
//! addresses that operators entered; it has no way to a payment provider and nothing
//! signed.

mod answer;
mod cron;
mod run;
mod settings;
mod tick;

use axum::Router;
use http::StatusCode;
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::vault::NoVault;
use keywright_ports::{BoxFuture, Database, EndpointCalls, Grants, Host, Log, Stamps, name};
use keywright_services::activity::ActivityLog;
use keywright_services::webhook_secrets::WebhookVault;
use keywright_store::MIGRATIONS;
use keywright_web::Function;
use keywright_web::caller_limit::refuse_credential;
use keywright_web::{ApiError, Bearer, Visit, api_router};
use settings::Settings;

/// This function.
pub const FUNCTION: Function = Function {
    name: "deliver",
    grants: Grants {
        database: Access::ReadWrite,
        outbound: OutboundAccess::WebhookEndpoints,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::PUBLIC_URL,
            name::WEBHOOK_KEY,
            name::WEBHOOK_HOSTS,
            name::WEBHOOK_PRIVATE,
            name::WEBHOOKS_PER_TICK,
            name::WEBHOOK_HOLD_DAYS,
            name::CRON_TOKEN,
        ],
        ..Grants::NONE
    },
    router,
    migrations: MIGRATIONS,
    tick: Some(scheduled),
    settings: &[
        keywright_ports::settings::CLIENT_ADDRESS_HEADER,
        keywright_ports::settings::PUBLIC_URL,
        keywright_ports::settings::WEBHOOK_KEY,
        keywright_ports::settings::WEBHOOK_HOSTS,
        keywright_ports::settings::WEBHOOK_PRIVATE,
        keywright_ports::settings::WEBHOOK_LIMITS,
        keywright_ports::settings::CRON_TOKEN,
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
    calls: EndpointCalls,
    /// What opens the secrets of endpoints.
    vault: Result<WebhookVault, NoVault>,
    settings: Settings,
    /// The token for ticks over HTTP; `None` where the platform ticks.
    cron: Option<Bearer>,
    /// Counts refused credentials.
    activity: ActivityLog,
}

impl Ports {
    fn of(host: &Host) -> Result<Self, PortError> {
        let config = &host.config;
        Ok(Self {
            database: host.database()?,
            stamps: host.stamps(),
            log: host.log.clone(),
            calls: host.endpoint_calls()?,
            vault: WebhookVault::configured(config),
            settings: Settings::read(config),
            cron: Bearer::configured(config, name::CRON_TOKEN).ok(),
            activity: ActivityLog::open(host)?,
        })
    }

    /// The answer to a refused credential. It is counted and slowed down; a missing one is
    /// not.
    async fn refused(&self, visit: &Visit, refusal: ApiError) -> ApiError {
        if refusal.status() != StatusCode::FORBIDDEN {
            return refusal;
        }
        let now = self.stamps.now_millis();
        refuse_credential(&self.database, &self.activity, visit, now, None, refusal).await
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports::of(host)?;
    Ok(api_router(routes().router.with_state(ports)))
}

fn scheduled(host: Host) -> BoxFuture<'static, Result<(), String>> {
    Box::pin(async move {
        let ports = Ports::of(&host).map_err(|error| error.to_string())?;
        tick::tick(&ports)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    })
}
