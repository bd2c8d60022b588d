//! `GET /.well-known/jwks.json`: every public key that verifies, newest first
//! (RFC 7517; OKP keys of RFC 8037, `kid` is the RFC 7638 thumbprint).

use crate::Ports;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CACHE_CONTROL;
use keywright_edge::http::{ApiError, Json};

/// 503 when no key is configured. May be cached for five minutes: a rotation
/// overlaps, so an old copy still verifies.
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<impl IntoResponse, ApiError> {
    let keys = ports.keys()?.to_jwks();
    Ok(([(CACHE_CONTROL, "public, max-age=300")], Json(keys)))
}
