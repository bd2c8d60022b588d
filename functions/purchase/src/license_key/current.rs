//! `POST /v1/licenses/current-key`: the current key for an old one that is still good, for
//! applications that check keys offline. A key says what was true when it was made; after a
//! renewal, an upgrade or the end of a trial another one says it.

use crate::Ports;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use keywright_domain::caller_limits::CURRENT_KEYS;
use keywright_domain::dates::rfc3339;
use keywright_domain::standing::{Refusal, in_force};
use keywright_license::verify_license;
use keywright_store::licenses::recorded;
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{BodyRefusals, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key that the application has.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CurrentKeyRequest {
    /// The license key.
    key: String,
    /// The product that the application belongs to.
    #[schema(example = "demo")]
    product_slug: Option<String>,
}

/// The license as it is now.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurrentKeyAnswer {
    /// The current key: store it instead of the one that was sent.
    license_key: String,
    /// UUID of the license.
    license_id: String,
    /// The current token for the release gate.
    token: String,
    /// Slug of the product.
    #[schema(example = "demo")]
    product: String,
    /// RFC 3339; null never.
    #[schema(required)]
    expires_at: Option<String>,
    /// Whether it is a trial.
    is_trial: bool,
    /// What the license unlocks.
    entitlements: Vec<String>,
}

/// Answers the current key for an older one
///
/// For applications that check keys offline: the payload of a key never changes, so after a
/// renewal or a change of the license the old one is out of date, although it still validates
/// online. 400 for text that is no key of this vendor, 404 for an unknown license, 403 with
/// `revoked` (also for a key that was replaced because it leaked), `suspended`,
/// `invalid_state` or `product_mismatch`. An expired license has a current key, too. As often
/// as `POST /v1/validate`.
#[utoipa::path(
    post,
    path = "/v1/licenses/current-key",
    operation_id = "getCurrentKey",
    tag = "licenses",
    request_body = CurrentKeyRequest,
    responses(
        (status = 200, description = "The current key.", body = CurrentKeyAnswer),
        (status = 403, description = "The key is not good any more.",
            body = keywright_web::openapi::Error),
        BodyRefusals, Unknown, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    client: Client,
    request: Result<Json<CurrentKeyRequest>, ApiError>,
) -> Result<Response, ApiError> {
    let Json(request) = request?;
    let verified = verify_license(&request.key, ports.keys()?).map_err(|error| {
        ApiError::bad_request(format!("key must be a good license key: {error}"))
    })?;
    let now = ports.stamps.now_millis();
    let allowance = take_for(&ports.database, &[&CURRENT_KEYS], &client, now).await?;
    let issued_at = Some(verified.payload().issued_at());
    let license_id = verified.payload().license_id().to_string();
    let license = recorded::find(&ports.database, &license_id).await?;
    let unknown = || ApiError::not_found("the license of this key is not recorded here");
    let license = license.ok_or_else(unknown)?;
    in_force(license.status.seen_by(issued_at, license.key_issued_at)).map_err(refused)?;
    let product = request.product_slug.filter(|slug| !slug.is_empty());
    if product.is_some_and(|slug| slug != license.product_slug) {
        return Err(refused(Refusal::ProductMismatch));
    }
    let signed = ports.sign.license(&license_id).await.map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            "the license could not be signed now; try again later",
            error.to_string(),
        )
    })?;
    // Replaced since it was read: the new key is not for who has an old one.
    if signed.current_key.replaces(issued_at) {
        return Err(refused(Refusal::Revoked));
    }
    let answer = CurrentKeyAnswer {
        license_key: signed.license_key,
        license_id,
        token: signed.token,
        product: license.product_slug,
        expires_at: license.expires_at.map(rfc3339),
        is_trial: license.is_trial,
        entitlements: license.entitlements,
    };
    Ok((allowance, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

fn refused(refusal: Refusal) -> ApiError {
    let message = match refusal {
        Refusal::Revoked => "this key was replaced, or its license was revoked",
        Refusal::Suspended => "the license is suspended; contact the vendor",
        Refusal::ProductMismatch => "the key is for another product",
        Refusal::InvalidState | Refusal::Expired => "the license is not in force",
    };
    ApiError::new(StatusCode::FORBIDDEN, refusal.as_str(), message)
}
