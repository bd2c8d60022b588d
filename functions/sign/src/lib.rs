//! The sign function: the only holder of the signing key, without a public route. It
//! signs records, not requests: a caller names a license, and sign reads what the database
//! says of it and signs that, or refuses. It does not trust the database with a sale: a
//! receipt counts only with a seal by a key that only this function and those that settle
//! hold. With a key of its own for that it signs the head of the audit log, too.

mod checkpoint;
mod error;
mod keys;
mod license;
mod link;
mod ready;
mod seal_keys;

use axum::Router;
use axum::routing::post;
use keys::SigningKeys;
use keywright_ports::function::{Access, PortError};
use keywright_ports::{Grants, Host, Reader, Stamps, name, settings};
use keywright_web::Function;
use seal_keys::SealKeys;

/// This function.
pub const FUNCTION: Function = Function {
    name: "sign",
    grants: Grants {
        database: Access::Read,
        config: &[
            name::SIGNING_KEY,
            name::VERIFY_KEYS,
            name::RECEIPT_KEYS,
            name::SEAL_KEY,
        ],
        ..Grants::NONE
    },
    router,
    migrations: &[],
    tick: None,
    settings: &[
        keys::SIGNING_KEYS,
        settings::RECEIPT_KEYS,
        seal_keys::SEAL_KEY,
    ],
};

keywright_host::entry!(FUNCTION);

#[derive(Clone)]
struct Ports {
    database: Reader,
    stamps: Stamps,
    keys: SigningKeys,
    seal_keys: SealKeys,
}

keywright_web::from_ref! {
    Ports { database: Reader, stamps: Stamps, keys: SigningKeys, seal_keys: SealKeys }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = Ports {
        database: host.reader()?,
        stamps: host.stamps(),
        keys: SigningKeys::configured(&host.config),
        seal_keys: SealKeys::configured(&host.config),
    };
    Ok(Router::new()
        .route("/license", post(license::handler))
        .route("/link", post(link::handler))
        .route("/checkpoint", post(checkpoint::handler))
        .route("/ready", post(ready::handler))
        .fallback(error::unknown_route)
        .with_state(ports))
}
