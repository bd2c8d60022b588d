//! Cron: sends outgoing webhooks and mail. It alone holds the key of their secrets and the
//! credentials of mail, and may call addresses that operators entered; it has no way to a
//! payment provider and nothing signed, so that a mail has a link in place of a key.

mod answer;
mod budget;
mod cron;
mod limits;
mod mail;
mod run;
mod tick;
mod trigger;

use axum::Router;
use keywright_domain::mail::settings::{self as mail_settings, MailTransport};
use keywright_ports::function::{Access, OutboundAccess, PortError};
use keywright_ports::vault::NoVault;
use keywright_ports::{
    BoxFuture, Database, EndpointCalls, Grants, Host, Later, Level, Log, MailBinding, SettingFault,
    Stamps, name, settings,
};
use keywright_services::activity::ActivityLog;
use keywright_services::webhook_secrets::WebhookVault;
use keywright_store::MIGRATIONS;
use keywright_web::{CronGate, Function, api_router};
use limits::Limits;
use mail::Mail;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "deliver",
    grants: Grants {
        database: Access::ReadWrite,
        outbound: OutboundAccess::WebhookEndpoints,
        mail_binding: true,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::PUBLIC_URL,
            name::WEBHOOK_KEY,
            name::WEBHOOK_HOSTS,
            name::WEBHOOK_PRIVATE,
            name::WEBHOOKS_PER_TICK,
            name::WEBHOOK_HOLD_DAYS,
            name::OPERATOR_NAME,
            name::MAIL_TRANSPORT,
            name::MAIL_URL,
            name::MAIL_API_KEY,
            name::MAIL_HEADERS,
            name::MAIL_TEMPLATE,
            name::MAIL_FORMAT,
            name::MAIL_IDEMPOTENCY_HEADER,
            name::MAIL_SUCCESS,
            name::MAIL_FROM,
            name::MAIL_OPERATOR,
            name::MAIL_KEY,
            name::MAIL_LANGUAGE,
            name::MAIL_PER_DAY,
            name::MAIL_HOLD_MINUTES,
            name::CRON_TOKEN,
        ],
        ..Grants::NONE
    },
    router,
    migrations: MIGRATIONS,
    tick: Some(scheduled),
    settings: &[
        settings::CLIENT_ADDRESS_HEADER,
        settings::PUBLIC_URL,
        settings::WEBHOOK_KEY,
        settings::WEBHOOK_HOSTS,
        settings::WEBHOOK_PRIVATE,
        settings::WEBHOOK_LIMITS,
        settings::OPERATOR_NAME,
        settings::MAIL,
        settings::CRON_TOKEN,
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
    limits: Limits,
    mail: Mail,
    /// Where mail goes that leaves through the platform.
    mail_binding: Option<Arc<dyn MailBinding>>,
    /// The vendor's name where the business has none.
    operator: Option<Arc<str>>,
    /// Who may start a tick over HTTP.
    cron: CronGate,
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
            limits: Limits::read(config),
            mail: mail_of(host)?,
            mail_binding: host.mail_binding()?,
            operator: config.get(name::OPERATOR_NAME).map(Into::into),
            cron: CronGate::open(host, ActivityLog::open(host)?)?,
        })
    }
}

fn mail_of(host: &Host) -> Result<Mail, PortError> {
    let config = &host.config;
    let Ok(Some(mail)) = mail_settings::read(|name| config.get(name)) else {
        let faults = settings::faults(&[settings::MAIL], config);
        return Ok(Mail::Off(faults.into()));
    };
    if mail.transport == MailTransport::Cloudflare && host.mail_binding()?.is_none() {
        let message = "MAIL_TRANSPORT is cloudflare, and this function has no e-mail binding MAIL; add one to functions/deliver/wrangler.toml (docs/mail.md)";
        host.log.write(Level::Error, "", message);
        let fault = SettingFault {
            name: name::MAIL_TRANSPORT,
            message: message.to_owned(),
        };
        return Ok(Mail::Off([fault].into()));
    }
    Ok(Mail::On(Arc::new(mail)))
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports::of(host)?;
    Ok(api_router(routes().router.with_state(ports)))
}

fn scheduled(host: Host, later: Later) -> BoxFuture<'static, Result<(), String>> {
    Box::pin(async move {
        let ports = Ports::of(&host).map_err(|error| error.to_string())?;
        trigger::run(&ports, &later)
            .await
            .map_err(|error| error.to_string())
    })
}
