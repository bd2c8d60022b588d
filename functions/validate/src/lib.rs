//! Keys: what the vendor's application calls to check a license, and what it
//! fetches to check one by itself. Also answers every path that no other
//! function has, so that an unknown route gets the envelope.

mod healthz;
mod jwks;
mod metadata;
mod pubkey;
mod validate;

use axum::Router;
use axum::routing::{get, post};
use keywright_edge::function::{Access, PortError};
use keywright_edge::http::{ApiError, api_router};
use keywright_edge::ports::{Reader, Stamps, name};
use keywright_edge::{Function, Grants, Host};
use keywright_license::VerifyKeys;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "validate",
    grants: Grants {
        database: Access::Read,
        config: &[name::VERIFY_KEYS, name::OPERATOR_NAME],
        ..Grants::NONE
    },
    router,
    migrations: keywright_store::MIGRATIONS,
    tick: None,
};

keywright_edge::entry!(FUNCTION);

/// What the OpenAPI document says of this function.
#[derive(utoipa::OpenApi)]
#[openapi(paths(healthz::handler))]
pub struct Api;

#[derive(Clone)]
struct Ports {
    database: Reader,
    stamps: Stamps,
    operator: Option<Arc<str>>,
    /// The public keys, newest first, or why there are none.
    keys: Arc<Result<VerifyKeys, String>>,
}

impl Ports {
    /// The public keys; without any, nothing is ever accepted.
    fn keys(&self) -> Result<&VerifyKeys, ApiError> {
        self.keys.as_ref().as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "this instance has no public key configured yet",
                reason.as_str(),
            )
        })
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let keys = match host.config.get(name::VERIFY_KEYS) {
        Some(text) => text
            .parse()
            .map_err(|error| format!("VERIFY_KEYS cannot be read: {error}")),
        None => Err("VERIFY_KEYS is not configured".to_owned()),
    };
    let ports = Ports {
        database: host.reader()?,
        stamps: host.stamps(),
        operator: host.config.get(name::OPERATOR_NAME).map(Into::into),
        keys: Arc::new(keys),
    };
    let routes = Router::new()
        .route("/", get(metadata::handler))
        .route("/healthz", get(healthz::handler))
        .route("/.well-known/jwks.json", get(jwks::handler))
        .route("/v1/pubkey", get(pubkey::handler))
        .route("/v1/issuer/public-key", get(pubkey::issuer_handler))
        .route("/v1/validate", post(validate::handler))
        .with_state(ports);
    Ok(api_router(routes))
}
