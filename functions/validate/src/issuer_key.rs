//! `GET /v1/issuer/public-key`: the newest public key, as `GET /v1/pubkey` has
//! it, in the contract's other form.

use crate::Ports;
use axum::extract::State;
use keywright_web::openapi::Failures;
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The public key that new license keys are signed for.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuerKey {
    /// `SubjectPublicKeyInfo` as PEM.
    public_key_pem: String,
    /// Always `ed25519`.
    #[schema(example = "ed25519")]
    key_algorithm: &'static str,
    /// Version of the payload in new license keys.
    #[schema(example = 2)]
    key_format_version: u8,
}

/// The newest public key, with the version of new license keys.
#[utoipa::path(
    get,
    path = "/v1/issuer/public-key",
    operation_id = "getIssuerPublicKey",
    tag = "keys",
    responses((status = 200, description = "The newest key.", body = IssuerKey), Failures),
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<IssuerKey>, ApiError> {
    let public_key_pem = ports.keys()?.first().to_pem();
    Ok(Json(IssuerKey {
        public_key_pem,
        key_algorithm: "ed25519",
        key_format_version: 2,
    }))
}
