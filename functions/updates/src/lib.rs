//! Update feeds: what the common updaters ask a server for. They tell which
//! version there is; the download is the release gate's. A caller with a good
//! license gets links that open it, made by the sign function.

mod caller;
mod electron;
mod feed;
mod joomla;
mod sparkle;
mod tauri;
mod xml;

use axum::Router;
use keywright_license::VerifyKeys;
use keywright_ports::function::{Access, PortError};
use keywright_ports::{Grants, Host, settings};
use keywright_ports::{Log, Reader, Sign, Stamps, name};
use keywright_services::configuration;
use keywright_web::Function;
use keywright_web::{ApiError, api_router};
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "updates",
    grants: Grants {
        database: Access::Read,
        sign: true,
        config: &[name::PUBLIC_URL, name::VERIFY_KEYS],
        ..Grants::NONE
    },
    router,
    migrations: &[],
    tick: None,
    settings: &[settings::REQUIRED_PUBLIC_URL, configuration::VERIFY_KEYS],
};

keywright_host::entry!(FUNCTION);

keywright_web::endpoints! {
    Ports;
    feeds {
        joomla(query),
        joomla::fallback(query),
        tauri::dynamic(query),
        tauri::fixed(query),
        sparkle(query),
        electron::channel_file(query),
        electron::file(query),
    }
}

#[derive(Clone)]
struct Ports {
    database: Reader,
    sign: Sign,
    stamps: Stamps,
    log: Log,
    public_url: Option<Arc<str>>,
    /// The public keys, newest first, or why there are none.
    keys: Arc<Result<VerifyKeys, String>>,
}

impl Ports {
    /// Where this instance is reached, without a trailing slash.
    fn public_url(&self) -> Result<&str, ApiError> {
        self.public_url.as_deref().ok_or_else(|| {
            ApiError::unavailable(
                "service_unavailable",
                "this instance does not know its public address yet",
                "PUBLIC_URL is not configured",
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
}

fn router(host: &Host) -> Result<Router, PortError> {
    let config = &host.config;
    let keys = configuration::verify_keys(config);
    let ports = Ports {
        database: host.reader()?,
        sign: host.sign()?,
        stamps: host.stamps(),
        log: host.log.clone(),
        public_url: settings::public_url(config).ok().map(Into::into),
        keys: Arc::new(keys),
    };
    Ok(api_router(feeds().router.with_state(ports)))
}
