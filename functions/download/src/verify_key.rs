//! `POST /verify-key`: whether a token is good for a product, for programs that
//! have no Ed25519 of their own.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::gate::{Admitted, token_code};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keywright_domain::dates::utc_day;
use keywright_domain::release::gate::GateRefusal;
use keywright_license::{TokenClaims, TokenError};
use keywright_services::holder::HeldCredential;
use keywright_web::{ApiError, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A token, and the product that it should open. Other members are ignored, as clients of
/// the earlier release server expect.
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokenInQuestion {
    /// The token, base64url without `=`.
    license_key_b64: String,
    /// The product's slug.
    product_id: String,
}

/// What a good token says.
#[derive(Serialize, ToSchema)]
pub(crate) struct GoodToken {
    /// Always `true`.
    #[schema(example = true)]
    valid: bool,
    /// The product that it opens.
    product: String,
    /// The oldest version that it opens; null for any.
    version_floor: Option<String>,
    /// The last day on which it is good, `YYYY-MM-DD`: that of the token or, with
    /// a database, that of the license now, whichever is earlier.
    channel_expiry: String,
    /// What the token grants and, with a database, the license still does.
    entitlements: Vec<String>,
}

/// Why a token is not good.
#[derive(Serialize, ToSchema)]
pub(crate) struct BadToken {
    /// Always `false`.
    #[schema(example = false)]
    valid: bool,
    /// A stable word.
    #[schema(example = "wrong-product")]
    reason: &'static str,
    /// The last day on which it was good, where it has expired.
    #[serde(skip_serializing_if = "Option::is_none")]
    expired: Option<String>,
}

/// Whether a token is good for a product, today.
#[utoipa::path(
    post,
    path = "/verify-key",
    operation_id = "verifyToken",
    tag = "releases",
    request_body = TokenInQuestion,
    responses(
        (status = 200, description = "It is.", body = GoodToken),
        (status = 400, description = "The body is not JSON.", body = Body),
        (status = 401, description = "It is not the vendor's: `malformed-token`, `token-too-short`, `invalid-signature`, `invalid-payload`.", body = BadToken),
        (status = 403, description = "It is for something else or over: `wrong-product`, `token-revoked`, `channel expired`.", body = BadToken),
        (status = 413, description = "The body is larger than 2 MiB.", body = Body),
        (status = 415, description = "The body is not `application/json`.", body = Body),
        (status = 422, description = "A member is missing or of another type.", body = Body),
        (status = 503, description = "No public key is configured, or the database is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    request: Result<Json<TokenInQuestion>, ApiError>,
) -> Result<Response, GateError> {
    let Json(request) = request?;
    let held = match HeldCredential::verify(&request.license_key_b64, ports.keys()?) {
        Ok(held) => held,
        Err(refusal) => return Ok(bad(StatusCode::UNAUTHORIZED, token_code(&refusal), None)),
    };
    let HeldCredential::Token(claims) = &held else {
        let reason = TokenError::Malformed.code();
        return Ok(bad(StatusCode::UNAUTHORIZED, reason, None));
    };
    if let Err(error) = held.check_product(&request.product_id) {
        return Ok(bad(StatusCode::FORBIDDEN, error.code(), None));
    }
    let holder = match ports.database.as_deref() {
        Some(database) => held.holder(database).await?,
        None => None,
    };
    let recorded = holder.as_ref().map(|holder| holder.product_slug.as_str());
    if let Err(error) = held.check_recorded(&request.product_id, recorded) {
        return Ok(bad(StatusCode::FORBIDDEN, error.code(), None));
    }
    let admitted = Admitted::holding(&held, holder);
    let now = ports.stamps.now();
    Ok(match admitted.held().is_in_force(now) {
        Ok(()) => Json(good(claims, &admitted)).into_response(),
        Err(GateRefusal::ChannelExpired) => {
            let day = last_day(claims, &admitted);
            // With a space here, by the contract, and a hyphen on downloads.
            bad(StatusCode::FORBIDDEN, "channel expired", Some(day))
        }
        Err(refusal) => bad(StatusCode::FORBIDDEN, refusal.code(), None),
    })
}

fn good(claims: &TokenClaims, admitted: &Admitted) -> GoodToken {
    GoodToken {
        valid: true,
        channel_expiry: last_day(claims, admitted),
        product: claims.product.clone(),
        version_floor: claims.version_floor.clone(),
        entitlements: admitted.entitlements(),
    }
}

/// The last day on which both the token and the license as it now is are good.
fn last_day(claims: &TokenClaims, admitted: &Admitted) -> String {
    let claimed = claims.channel_expiry.to_string();
    let now = admitted.good_until().map(utc_day).unwrap_or_default();
    // A day of this form sorts as a text; one before 1970 is only in the token.
    claimed.min(now)
}

fn bad(status: StatusCode, reason: &'static str, expired: Option<String>) -> Response {
    let body = BadToken {
        valid: false,
        reason,
        expired,
    };
    (status, Json(body)).into_response()
}
