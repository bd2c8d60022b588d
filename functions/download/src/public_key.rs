//! `GET /verify-key.pub`: the public key, for whoever checks tokens offline.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::files;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

/// The newest public key that tokens verify under. Exactly 64 lower-case hex
/// digits, without a line end. `GET /v1/pubkey` and `/.well-known/jwks.json`
/// have all of them.
#[utoipa::path(
    get,
    path = "/verify-key.pub",
    operation_id = "getVerifyKey",
    tag = "releases",
    responses(
        (status = 200, description = "The key.", body = String, content_type = "text/plain; charset=utf-8"),
        (status = 404, description = "No key is configured.", body = Body),
    ),
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Response, GateError> {
    let keys = ports
        .keys
        .as_ref()
        .as_ref()
        .map_err(|_| GateError::new(StatusCode::NOT_FOUND, "no public key is configured"))?;
    Ok(files::text(
        "text/plain; charset=utf-8",
        keys.first().to_hex(),
    ))
}
