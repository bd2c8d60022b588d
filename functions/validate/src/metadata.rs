//! `GET /`: what this instance is.

use crate::Ports;
use axum::extract::State;
use keywright_edge::http::openapi::Failures;
use keywright_edge::http::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// What this instance is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Metadata {
    /// Always `keywright`.
    #[schema(example = "keywright")]
    service: &'static str,
    /// Version of the software.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Who runs it; null where nobody said.
    #[schema(required)]
    operator: Option<String>,
    /// The newest public key: `SubjectPublicKeyInfo` as PEM.
    public_key_pem: String,
    /// Always `ed25519`.
    #[schema(example = "ed25519")]
    key_algorithm: &'static str,
    /// Version of the payload in new license keys.
    #[schema(example = 2)]
    key_format_version: u8,
}

/// What this instance is, and its newest public key.
#[utoipa::path(
    get,
    path = "/",
    tag = "instance",
    responses((status = 200, description = "What it is.", body = Metadata), Failures),
)]
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
