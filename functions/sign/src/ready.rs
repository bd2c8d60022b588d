//! `POST /ready`: whether this function can sign what its caller sells. Signs nothing and
//! reads nothing.

use crate::error::Refusal;
use crate::keys::SigningKeys;
use crate::seal_keys::SealKeys;
use axum::extract::State;
use keywright_ports::{SignReady, SignReadyRequest};
use keywright_web::{ApiError, Json};

/// Compares the keys of this function with those of the caller, who sends only their
/// public parts.
pub(crate) async fn handler(
    State(keys): State<SigningKeys>,
    State(seal_keys): State<SealKeys>,
    request: Result<Json<SignReadyRequest>, ApiError>,
) -> Result<Json<SignReady>, Refusal> {
    let Json(request) = request.map_err(|error| Refusal::bad_body(&error))?;
    keys.fit(&request)?;
    Ok(Json(SignReady {
        seal_key: seal_keys.state(),
    }))
}
