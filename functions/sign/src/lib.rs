//! The sign function: the only holder of the signing key, without a public
//! route. It signs records, not requests: a caller names a license, and what
//! the database says of it is signed, or refused.

mod error;
mod keys;
mod license;

use axum::Router;
use axum::routing::post;
use keywright_edge::function::{Access, PortError};
use keywright_edge::ports::{Reader, name};
use keywright_edge::{Function, Grants, Host};
use keywright_license::SigningKey;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "sign",
    grants: Grants {
        database: Access::Read,
        config: &[name::SIGNING_KEY, name::VERIFY_KEYS],
        ..Grants::NONE
    },
    router,
    migrations: &[],
    tick: None,
};

keywright_edge::entry!(FUNCTION);

#[derive(Clone)]
struct Ports {
    database: Reader,
    /// The key, or why there is none; refused at every call, not at start, so
    /// that the reason is in the log of each.
    key: Arc<Result<SigningKey, keys::KeyError>>,
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports {
        database: host.reader()?,
        key: Arc::new(keys::configured(&host.config)),
    };
    Ok(Router::new()
        .route("/license", post(license::handler))
        .fallback(error::unknown_route)
        .with_state(ports))
}
