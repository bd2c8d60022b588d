//! `GET /.well-known/jwks.json`: every public key that verifies, newest first
//! (RFC 7517; OKP keys of RFC 8037, `kid` is the RFC 7638 thumbprint).

use crate::Ports;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CACHE_CONTROL;
use keywright_web::openapi::Failures;
use keywright_web::{ApiError, Json};
use utoipa::ToSchema;

/// The public keys that verify, newest first (RFC 7517).
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description of the license crate's type")]
struct JwkSet {
    /// At least one.
    #[schema(min_items = 1)]
    keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(ToSchema)]
#[expect(dead_code, reason = "a description of the license crate's type")]
struct Jwk {
    /// Always `OKP`.
    #[schema(example = "OKP")]
    kty: String,
    /// Always `Ed25519`.
    #[schema(example = "Ed25519")]
    crv: String,
    /// The 32 bytes of the key, base64url without padding.
    x: String,
    /// The key's thumbprint (RFC 7638).
    kid: String,
    /// Always `sig`.
    #[schema(example = "sig")]
    r#use: String,
    /// Always `EdDSA` (RFC 8037, section 3.1).
    #[schema(example = "EdDSA")]
    alg: String,
}

/// Every public key that verifies, newest first.
///
/// May be cached for five minutes: when keys are changed, old and new ones
/// overlap.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    operation_id = "getJwks",
    tag = "keys",
    responses((status = 200, description = "The keys, newest first.", body = JwkSet), Failures),
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<impl IntoResponse, ApiError> {
    let keys = ports.keys()?.to_jwks();
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Json(keys)))
}
