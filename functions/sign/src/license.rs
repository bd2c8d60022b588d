//! `POST /license`: the key and the token of a recorded license.

use crate::error::Refusal;
use crate::keys::SigningKeys;
use axum::extract::State;
use keywright_domain::dates::MAX_UNIX_SECONDS;
use keywright_domain::entitlement::may_sign;
use keywright_license::{Date, MintError, NewLicense, SigningKey, TokenClaims};
use keywright_ports::{Reader, SignLicenseRequest, SignedLicense};
use keywright_store::licenses::recorded::{self, Entitled};
use keywright_web::{ApiError, Json};
use uuid::Uuid;

/// Signs what is recorded. The same record gives the same key and token every
/// time, because Ed25519 is deterministic: keys are not stored.
///
/// The refusals are those of [`SignRefusal`](keywright_ports::SignRefusal).
pub(crate) async fn handler(
    State(database): State<Reader>,
    State(keys): State<SigningKeys>,
    request: Result<Json<SignLicenseRequest>, ApiError>,
) -> Result<Json<SignedLicense>, Refusal> {
    let Json(request) = request.map_err(|error| Refusal::bad_body(&error))?;
    let (key, receipt_keys) = keys.usable()?;
    let recorded = recorded::with_receipt(&database, &request.license_id)
        .await?
        .ok_or_else(Refusal::unknown_license)?;
    may_sign(&recorded.signable(receipt_keys))?;
    sign(key, &recorded).map(Json)
}

fn sign(key: &SigningKey, recorded: &Entitled) -> Result<SignedLicense, Refusal> {
    let license = &recorded.license;
    let id = |text: &str| Uuid::parse_str(text).map_err(|error| Refusal::internal(&error));
    let license_key = key.sign_license(&NewLicense {
        product_id: id(&license.product_id)?,
        license_id: id(&license.id)?,
        issued_at: license.key_issued_at.signed_at(license.issued_at),
        expires_at: license.expires_at,
        trial: license.is_trial,
        fingerprint_hash: None,
        entitlements: license.entitlements.clone(),
    });
    // A token knows days only: it is good through the UTC day of the expiry,
    // and to the end of the calendar when there is none.
    let last_day = Date::from_unix(license.expires_at.unwrap_or(MAX_UNIX_SECONDS));
    let mut claims = TokenClaims {
        product: license.product_slug.clone(),
        channel_expiry: last_day,
        entitlements: license.entitlements.clone(),
        version_floor: None,
        license: Some(license.id.clone()),
        maintenance_until: license.maintenance_until.map(Date::from_unix),
        issued_at: license.key_issued_at.token_time(),
    };
    let mut token = key.sign_token(&claims);
    if matches!(token, Err(MintError::TokenTooLong { .. })) {
        // Sold when entitlements could take more room: the buyer has to get a
        // token, even though one that names no license cannot be called back.
        claims.license = None;
        token = key.sign_token(&claims);
    }
    Ok(SignedLicense {
        license_key: license_key.map_err(|error| Refusal::internal(&error))?,
        token: token.map_err(|error| Refusal::internal(&error))?,
        download_id: recorded.download_id.clone(),
        current_key: license.key_issued_at,
    })
}
