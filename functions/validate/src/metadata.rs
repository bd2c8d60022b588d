//! `GET /`: what this instance is.

use crate::Ports;
use axum::extract::State;
use keywright_edge::http::{ApiError, Json};
use serde::Serialize;

/// The contract's metadata. `operator` is null when none is configured.
#[derive(Serialize)]
pub(crate) struct Metadata {
    service: &'static str,
    version: &'static str,
    operator: Option<String>,
    public_key_pem: String,
    key_algorithm: &'static str,
    key_format_version: u8,
}

/// 503 when no key is configured.
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<Metadata>, ApiError> {
    Ok(Json(Metadata {
        service: "keywright",
        version: env!("CARGO_PKG_VERSION"),
        operator: ports.operator.as_deref().map(str::to_owned),
        public_key_pem: ports.keys()?.first().to_pem(),
        key_algorithm: "ed25519",
        key_format_version: 2,
    }))
}
