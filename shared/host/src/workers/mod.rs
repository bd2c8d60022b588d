//! The Workers host: D1, R2, service bindings, `fetch`. An isolate serves many
//! requests with the same bindings, so the router is kept per isolate; nothing
//! of a request is.

mod database;
mod fetch;
mod later;
mod log;
mod mail;
mod platform;
mod release_writer;
mod releases;
mod request;
mod response;

use axum::Router;
use keywright_ports::AddressHeader;
use keywright_ports::function::{Access, Host, OutboundAccess};
use keywright_ports::{Config, Level, Log, name, settings};
use keywright_web::Function;
use std::cell::RefCell;
use std::sync::Arc;
use worker::{Context, Env, ScheduleContext, web_sys};

/// The names of the bindings in every function's `wrangler.toml`.
pub mod binding {
    /// The D1 database.
    pub const DATABASE: &str = "DB";
    /// The service binding of the sign function.
    pub const SIGN: &str = "SIGN";
    /// The R2 bucket of releases.
    pub const RELEASES: &str = "RELEASES";
    /// The e-mail binding, which a vendor adds who mails through Cloudflare.
    pub const MAIL: &str = "MAIL";
}

/// A function's ports and routes, or why they could not be made.
type Opened = Result<(Host, Router), String>;

thread_local! {
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// Answers one request of the platform.
///
/// # Errors
/// The platform's error when the request or the answer cannot be turned into
/// its types.
pub async fn fetch(
    function: &Function,
    request: web_sys::Request,
    env: Env,
    context: Context,
) -> worker::Result<worker::Response> {
    log::install_panic_hook(function.name);
    let answer = match opened(function, &env) {
        Ok((host, router)) => {
            let request = request::incoming(request).await?;
            keywright_web::serve(&host, &router, later::after(context), request).await
        }
        Err(reason) => {
            log::line(Level::Error, &format!("{}: {reason}", function.name));
            keywright_web::not_opened(reason)
        }
    };
    response::outgoing(answer).await
}

/// Runs the function's tick on the platform's cron trigger.
pub async fn scheduled(function: &Function, env: Env, context: ScheduleContext) {
    log::install_panic_hook(function.name);
    let outcome = match (function.tick, opened(function, &env)) {
        (Some(tick), Ok((host, _))) => tick(host, later::within(context)).await,
        (None, _) => Err("it has no tick".to_owned()),
        (_, Err(reason)) => Err(reason),
    };
    if let Err(reason) = outcome {
        log::line(Level::Error, &format!("{}: {reason}", function.name));
    }
}

fn opened(function: &Function, env: &Env) -> Opened {
    if let Some(opened) = OPENED.with_borrow(Clone::clone) {
        return opened;
    }
    let opened = open(function, env);
    OPENED.with_borrow_mut(|slot| *slot = Some(opened.clone()));
    opened
}

fn open(function: &Function, env: &Env) -> Opened {
    let grants = function.grants;
    // A name that is not set, or not handed to this Worker, is absent.
    let values = grants
        .config
        .iter()
        // R2 is no folder that a front server could send from.
        .filter(|name| **name != name::RELEASES_SENDFILE)
        .filter_map(|name| Some((*name, env.var(name).ok()?.to_string())));
    let database = (grants.database != Access::None)
        .then(|| env.d1(binding::DATABASE).ok())
        .flatten()
        .map(|d1| Arc::new(database::D1::new(d1)) as _);
    let sign = grants
        .sign
        .then(|| env.service(binding::SIGN).ok())
        .flatten()
        .map(|service| Arc::new(fetch::ServiceFetch::new(service)) as _);
    let releases = (grants.releases != Access::None)
        .then(|| env.bucket(binding::RELEASES).ok())
        .flatten()
        .map(|bucket| Arc::new(releases::R2::new(bucket)) as _);
    let release_writer = (grants.releases == Access::ReadWrite)
        .then(|| env.bucket(binding::RELEASES).ok())
        .flatten()
        .map(|bucket| Arc::new(release_writer::R2Writer::new(bucket)) as _);
    let config = Config::new(values);
    let log = Log::new(function.name, Arc::new(log::Console));
    // Cloudflare sets it and lets no client set it.
    let address_header = AddressHeader::open(&config, Some("cf-connecting-ip"));
    settings::report(function.settings, &config, &log);
    let host = Host {
        function: function.name,
        grants,
        database,
        sign,
        outbound: (grants.outbound != OutboundAccess::None)
            .then(|| Arc::new(fetch::GlobalFetch) as _),
        mail_binding: grants
            .mail_binding
            .then(|| env.send_email(binding::MAIL).ok())
            .flatten()
            .map(|binding| Arc::new(mail::BoundSender::new(binding)) as _),
        releases,
        release_writer,
        // The gateway has them.
        pages: None,
        clock: Arc::new(platform::PlatformClock),
        random: Arc::new(platform::PlatformRandom),
        config,
        log,
        address_header,
    };
    match (function.router)(&host) {
        Ok(router) => Ok((host, router)),
        Err(error) => Err(error.to_string()),
    }
}
