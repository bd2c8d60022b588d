//! The sign function: the only holder of the signing key, without a public
//! route. It signs records, not requests: a caller names a license, and what
//! the database says of it is signed, or refused. Nor does it take the database's
//! word for a sale: a receipt counts only with a seal under a key that this function
//! and those that settle hold.

mod error;
mod keys;
mod license;
mod link;

use axum::Router;
use axum::routing::post;
use error::Refusal;
use http::StatusCode;
use keywright_license::SigningKey;
use keywright_ports::function::{Access, PortError};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::{Grants, Host};
use keywright_ports::{Reader, Stamps, name};
use keywright_web::Function;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "sign",
    grants: Grants {
        database: Access::Read,
        config: &[name::SIGNING_KEY, name::VERIFY_KEYS, name::RECEIPT_KEYS],
        ..Grants::NONE
    },
    router,
    migrations: &[],
    tick: None,
};

keywright_host::entry!(FUNCTION);

#[derive(Clone)]
struct Ports {
    database: Reader,
    stamps: Stamps,
    /// The key, or why there is none; refused at every call, not at start, so
    /// that the reason is in the log of each.
    key: Arc<Result<SigningKey, keys::KeyError>>,
    /// What tells a genuine receipt, or why nothing does.
    receipt_keys: Result<ReceiptKeys, NoReceiptKeys>,
}

impl Ports {
    /// The key.
    ///
    /// # Errors
    /// 503 when there is none that may be used.
    fn key(&self) -> Result<&SigningKey, Refusal> {
        self.key.as_ref().as_ref().map_err(|error| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_signing_key",
                error.to_string(),
            )
        })
    }

    /// What tells a genuine receipt.
    ///
    /// # Errors
    /// 503 when there is no key that may be used.
    fn receipt_keys(&self) -> Result<&ReceiptKeys, Refusal> {
        self.receipt_keys.as_ref().map_err(|error| {
            Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no_receipt_key",
                error.to_string(),
            )
        })
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports {
        database: host.reader()?,
        stamps: host.stamps(),
        key: Arc::new(keys::configured(&host.config)),
        receipt_keys: ReceiptKeys::configured(&host.config),
    };
    Ok(Router::new()
        .route("/license", post(license::handler))
        .route("/link", post(link::handler))
        .fallback(error::unknown_route)
        .with_state(ports))
}
