//! The Spin host: WASI 0.3 HTTP, Spin's `SQLite` and variables, files mounted
//! read-only. Instances are reused, so routers and connections are kept per
//! instance; nothing of a request is.

mod database;
mod fetch;
mod files;
mod later;
mod log;
mod pages;
mod request;
mod response;
mod stretch;
mod wasi;

#[doc(hidden)]
pub use spin_sdk as sdk;

use axum::Router;
use keywright_ports::AddressHeader;
use keywright_ports::function::{Access, Host, OutboundAccess};
use keywright_ports::{Config, Log, settings};
use keywright_web::Function;
use send_wrapper::SendWrapper;
use spin_sdk::variables;
use spin_sdk::wasip3::http::types::{ErrorCode, Request as WasiRequest, Response as WasiResponse};
use std::cell::RefCell;
use std::sync::Arc;

/// A function's ports and routes, or why they could not be made.
type Opened = Result<(Host, Router), String>;

thread_local! {
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// The function that a module holds. It is known when the module is compiled,
/// so that the code of a port that the grants leave out, and the component's
/// import of it, is left out too.
pub trait Module {
    /// The function.
    const FUNCTION: Function;
    /// Whether it is granted the database.
    const DATABASE: bool = !matches!(Self::FUNCTION.grants.database, Access::None);
    /// Whether it is granted outside hosts.
    const OUTBOUND: bool = !matches!(Self::FUNCTION.grants.outbound, OutboundAccess::None);
    /// Whether it is granted the release files for reading. Spin mounts them
    /// read-only, so that who may write them gets nothing here.
    const RELEASES: bool = matches!(Self::FUNCTION.grants.releases, Access::Read);
    /// Whether it is granted the storefront's files.
    const PAGES: bool = Self::FUNCTION.grants.pages;
}

/// Answers one request of the platform.
///
/// # Errors
/// The platform's error code when the request or the answer cannot be turned
/// into its types.
pub async fn handle<M: Module>(request: WasiRequest) -> Result<WasiResponse, ErrorCode> {
    let name = M::FUNCTION.name;
    log::install_panic_hook(name);
    let (request, rest) = request::incoming(request).await?;
    response::others_first().await;
    let response = match opened::<M>().await {
        Ok((host, router)) => keywright_web::serve(&host, &router, later::after(), request).await,
        Err(reason) => {
            log::line(&format!("{name}: {reason}"));
            keywright_web::not_opened(reason)
        }
    };
    response::outgoing(response, rest).await
}

async fn opened<M: Module>() -> Opened {
    if let Some(opened) = OPENED.with_borrow(Clone::clone) {
        return opened;
    }
    let opened = open::<M>().await;
    // Two requests may both have opened: both results are alike.
    OPENED.with_borrow_mut(|slot| *slot = Some(opened.clone()));
    opened
}

async fn open<M: Module>() -> Opened {
    let function = M::FUNCTION;
    let grants = function.grants;
    let mut values = Vec::new();
    for name in grants.config {
        // A variable the manifest does not hand to this component is absent.
        if let Ok(value) = variables::get(name.to_ascii_lowercase()).await {
            values.push((*name, value));
        }
    }
    let config = Config::new(values);
    let log = Log::new(function.name, Arc::new(log::StandardError));
    let address_header = AddressHeader::open(&config, Some("spin-client-addr"));
    settings::report(function.settings, &config, &log);
    let mut host = Host {
        function: function.name,
        grants,
        database: None,
        sign: None,
        outbound: None,
        // Spin has none.
        mail_binding: None,
        releases: None,
        release_writer: None,
        pages: None,
        clock: Arc::new(wasi::WasiClock),
        random: Arc::new(wasi::WasiRandom),
        config,
        log,
        address_header,
    };
    if M::DATABASE && !(grants.database_optional && database::is_left_out()) {
        host.database = Some(Arc::new(database::SpinDatabase {
            migrations: function.migrations,
        }));
    }
    if M::FUNCTION.grants.sign {
        host.sign = Some(Arc::new(fetch::SpinFetch));
    }
    if M::OUTBOUND {
        host.outbound = Some(Arc::new(fetch::SpinFetch));
    }
    if M::RELEASES {
        host.releases = Some(Arc::new(files::MountedReleases));
    }
    if M::PAGES {
        host.pages = Some(Arc::new(pages::MountedPages));
    }
    match (function.router)(&host) {
        Ok(router) => Ok((host, router)),
        Err(error) => Err(error.to_string()),
    }
}

/// Spin runs an instance on one thread; its handles are not `Send`, and the
/// router wants them to be.
fn send<F: Future>(future: F) -> SendWrapper<F> {
    SendWrapper::new(future)
}
