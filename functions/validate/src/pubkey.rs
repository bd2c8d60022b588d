//! `GET /v1/pubkey` and `GET /v1/issuer/public-key`: the newest public key as
//! SPKI PEM, in the form every SDK parses.

use crate::Ports;
use axum::extract::State;
use keywright_edge::http::{ApiError, Json};
use serde::Serialize;

/// Answer of `GET /v1/pubkey`.
#[derive(Serialize)]
pub(crate) struct PublicKey {
    algorithm: &'static str,
    public_key_pem: String,
}

/// Answer of `GET /v1/issuer/public-key`.
#[derive(Serialize)]
pub(crate) struct IssuerKey {
    public_key_pem: String,
    key_algorithm: &'static str,
    key_format_version: u8,
}

/// 503 when no key is configured.
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<PublicKey>, ApiError> {
    let public_key_pem = ports.keys()?.first().to_pem();
    Ok(Json(PublicKey {
        algorithm: "ed25519",
        public_key_pem,
    }))
}

/// 503 when no key is configured.
pub(crate) async fn issuer_handler(
    State(ports): State<Ports>,
) -> Result<Json<IssuerKey>, ApiError> {
    let public_key_pem = ports.keys()?.first().to_pem();
    Ok(Json(IssuerKey {
        public_key_pem,
        key_algorithm: "ed25519",
        key_format_version: 2,
    }))
}
