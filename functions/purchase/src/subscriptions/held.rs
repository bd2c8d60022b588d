//! Finds the subscription that a caller holds.

use crate::Ports;
use keywright_domain::subscription::pay_token::PayToken;
use keywright_services::holder::HeldCredential;
use keywright_store::subscriptions::lookup::{self, Subscription};
use keywright_web::ApiError;

/// How the caller shows that a subscription is theirs.
pub(super) enum Held {
    /// By the key of its license.
    LicenseKey(Subscription),
    /// By the token in the buyer's link.
    PayToken(Subscription),
}

impl Held {
    pub(super) fn subscription(&self) -> &Subscription {
        match self {
            Self::LicenseKey(one) | Self::PayToken(one) => one,
        }
    }
}

/// The license of this key, and when the key was issued.
///
/// # Errors
/// 401 for what is not a key of this instance.
pub(crate) fn license_of(ports: &Ports, key: &str) -> Result<(String, i64), ApiError> {
    match HeldCredential::verify(key, ports.keys()?) {
        Ok(HeldCredential::LicenseKey {
            license_id,
            issued_at,
        }) => Ok((license_id, issued_at)),
        Ok(HeldCredential::Token(_) | HeldCredential::DownloadId(_)) => {
            Err(ApiError::unauthorized("license_key must be a license key"))
        }
        Err(refusal) => Err(ApiError::unauthorized(format!("license_key: {refusal}"))),
    }
}

/// 401 for a key that was replaced: whoever it leaked to stops nothing, and sees no link.
pub(crate) fn replaced() -> ApiError {
    ApiError::unauthorized("license_key was replaced; use the license's current key")
}

/// The subscription of this license key. The key of a suspended or expired license is one
/// too: stopping and paying always work.
///
/// # Errors
/// 401 for what is not a key of this instance or was replaced, 404 where its license is not
/// paid by the period.
pub(super) async fn by_license_key(ports: &Ports, key: &str) -> Result<Subscription, ApiError> {
    let (license_id, issued_at) = license_of(ports, key)?;
    let found = lookup::of_license(&ports.database, &license_id).await?;
    let found = found.ok_or_else(|| ApiError::not_found("this license has no subscription"))?;
    if found.key_issued_at.replaces(Some(issued_at)) {
        return Err(replaced());
    }
    Ok(found)
}

/// The subscription of a license key or of a pay token.
///
/// # Errors
/// As [`by_license_key`]; 401 for a token of no subscription.
pub(super) async fn by_credential(ports: &Ports, text: &str) -> Result<Held, ApiError> {
    let Some(token) = PayToken::parse(text.trim()) else {
        return by_license_key(ports, text).await.map(Held::LicenseKey);
    };
    lookup::of_pay_token(&ports.database, token.as_str())
        .await?
        .map(Held::PayToken)
        .ok_or_else(|| ApiError::unauthorized("this link opens no subscription"))
}

/// As [`by_credential`], of a request that has one of two members.
///
/// # Errors
/// As [`by_credential`]; 400 for none and for both.
pub(super) async fn by_either(
    ports: &Ports,
    license_key: Option<String>,
    pay_token: Option<String>,
) -> Result<Held, ApiError> {
    let present = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    match (present(license_key), present(pay_token)) {
        (Some(key), None) => by_license_key(ports, &key).await.map(Held::LicenseKey),
        (None, Some(token)) => match PayToken::parse(token.trim()) {
            Some(_) => by_credential(ports, &token).await,
            None => Err(ApiError::unauthorized("this link opens no subscription")),
        },
        _ => Err(ApiError::bad_request(
            "send either license_key or pay_token",
        )),
    }
}
