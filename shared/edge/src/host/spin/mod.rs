//! The Spin host: WASI 0.3 HTTP, Spin's `SQLite` and variables, files mounted
//! read-only. Instances are reused, so routers and connections are kept per
//! instance; nothing of a request is.

mod body;
mod database;
mod fetch;
mod files;
mod log;
mod wasi;

#[doc(hidden)]
pub use spin_sdk as sdk;

use crate::function::{Access, Function, Host, OutboundAccess};
use crate::http::ApiError;
use crate::ports::{Config, Log};
use axum::Router;
use axum::response::IntoResponse;
use send_wrapper::SendWrapper;
use spin_sdk::http::{FromRequest, Request};
use spin_sdk::variables;
use spin_sdk::wasip3::http::types::{ErrorCode, Request as WasiRequest, Response as WasiResponse};
use std::cell::RefCell;
use std::sync::Arc;

/// A function's ports and routes, or why they could not be made.
type Opened = Result<(Host, Router), String>;

thread_local! {
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// Answers one request of the platform.
///
/// # Errors
/// The platform's error code when the request or the answer cannot be turned
/// into its types.
pub async fn handle(function: &Function, request: WasiRequest) -> Result<WasiResponse, ErrorCode> {
    log::install_panic_hook(function.name);
    let request: Request = FromRequest::from_request(request)?;
    let response = match opened(function).await {
        Ok((host, router)) => {
            let request = request.map(body::incoming);
            crate::http::serve(&host, &router, request).await
        }
        Err(reason) => {
            log::line(&format!("{}: {reason}", function.name));
            let mut response = ApiError::internal(reason).into_response();
            crate::http::set_content_length(&mut response);
            response
        }
    };
    body::outgoing(response)
}

async fn opened(function: &Function) -> Opened {
    if let Some(opened) = OPENED.with_borrow(Clone::clone) {
        return opened;
    }
    let opened = open(function).await;
    // Two requests may both have opened: both results are alike.
    OPENED.with_borrow_mut(|slot| *slot = Some(opened.clone()));
    opened
}

async fn open(function: &Function) -> Opened {
    let grants = function.grants;
    let mut values = Vec::new();
    for name in grants.config {
        // A variable the manifest does not hand to this component is absent.
        if let Ok(value) = variables::get(name.to_ascii_lowercase()).await {
            values.push((*name, value));
        }
    }
    let host = Host {
        function: function.name,
        grants,
        database: (grants.database != Access::None).then(|| {
            Arc::new(database::SpinDatabase {
                migrations: function.migrations,
            }) as _
        }),
        sign: grants.sign.then(|| Arc::new(fetch::SpinFetch) as _),
        outbound: (grants.outbound != OutboundAccess::None)
            .then(|| Arc::new(fetch::SpinFetch) as _),
        releases: (grants.releases != Access::None).then(|| Arc::new(files::MountedReleases) as _),
        clock: Arc::new(wasi::WasiClock),
        random: Arc::new(wasi::WasiRandom),
        config: Config::new(values),
        log: Log::new(function.name, Arc::new(log::StandardError)),
    };
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
