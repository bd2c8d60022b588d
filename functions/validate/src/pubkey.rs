//! `GET /v1/pubkey`: the newest public key as SPKI PEM, in the form every SDK
//! parses.

use crate::Ports;
use axum::extract::State;
use keywright_web::openapi::Failures;
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The public key that new license keys are signed for.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublicKey {
    /// Always `ed25519`.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// `SubjectPublicKeyInfo` as PEM.
    public_key_pem: String,
}

/// The newest public key, for checking license keys without this server.
///
/// While keys are being changed, older ones verify too: `/.well-known/jwks.json`
/// has them all.
#[utoipa::path(
    get,
    path = "/v1/pubkey",
    operation_id = "getPublicKey",
    tag = "keys",
    responses((status = 200, description = "The newest key.", body = PublicKey), Failures),
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<PublicKey>, ApiError> {
    let public_key_pem = ports.keys()?.first().to_pem();
    Ok(Json(PublicKey {
        algorithm: "ed25519",
        public_key_pem,
    }))
}
