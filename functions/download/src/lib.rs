//! The release gate: what there is, and the files for those who hold a token.
//! Needs no database: a token is checked by its signature alone.

mod binary;
mod error;
mod products;
mod token;
mod versions;

use axum::Router;
use axum::routing::get;
use keywright_edge::function::{Access, PortError};
use keywright_edge::http::Sendfile;
use keywright_edge::ports::{Releases, Stamps, name};
use keywright_edge::{Function, Grants, Host};
use keywright_license::VerifyKeys;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "download",
    grants: Grants {
        config: &[name::VERIFY_KEYS, name::RELEASES_SENDFILE],
        releases: Access::Read,
        ..Grants::NONE
    },
    router,
    migrations: &[],
    tick: None,
};

keywright_edge::entry!(FUNCTION);

#[derive(Clone)]
struct Ports {
    releases: Releases,
    stamps: Stamps,
    /// The public keys, newest first, or why there are none.
    keys: Arc<Result<VerifyKeys, String>>,
    /// The front server that sends the bytes, where there is one.
    sendfile: Arc<Option<Sendfile>>,
}

fn router(host: &Host) -> Result<Router, PortError> {
    let keys = match host.config.get(name::VERIFY_KEYS) {
        Some(text) => text
            .parse()
            .map_err(|error| format!("VERIFY_KEYS cannot be read: {error}")),
        None => Err("VERIFY_KEYS is not configured".to_owned()),
    };
    let ports = Ports {
        releases: host.releases()?,
        stamps: host.stamps(),
        keys: Arc::new(keys),
        sendfile: Arc::new(Sendfile::configured(host)),
    };
    Ok(Router::new()
        .route("/releases", get(products::handler))
        .route("/releases/", get(products::handler))
        .route("/releases/{product}", get(versions::handler))
        .route("/releases/{product}/", get(versions::handler))
        .route(
            "/releases/{product}/{version}/{platform}",
            get(binary::handler),
        )
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::wrong_method)
        .with_state(ports))
}
