//! Making license keys and tokens.

use uuid::Uuid;

use crate::payload::{FLAG_FINGERPRINT_BOUND, FLAG_TRIAL};
use crate::token::MAX_TOKEN_LEN;
use crate::{LicensePayload, PayloadVersion, SigningKey, TokenClaims, license_key, token};

/// The first number that a client with floating-point numbers cannot count up
/// to exactly; times stay below it.
const TIME_END: i64 = 1 << 53;
const MAX_ENTITLEMENTS: usize = 255;
const MAX_ENTITLEMENT_LEN: usize = 255;

/// What a new license key shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLicense {
    /// The product that the license is for.
    pub product_id: Uuid,
    /// The license's own id.
    pub license_id: Uuid,
    /// When it is issued, in unix seconds: 0 ≤ t < 2⁵³.
    pub issued_at: i64,
    /// From when on it is expired, in unix seconds: 0 < t < 2⁵³. `None` for a
    /// license without end.
    pub expires_at: Option<i64>,
    /// Whether it is a trial.
    pub trial: bool,
    /// Binds the key to one machine; see [`crate::hash_fingerprint`].
    pub fingerprint_hash: Option<[u8; 32]>,
    /// What it grants: at most 255, each 1 to 255 bytes of ASCII.
    pub entitlements: Vec<String>,
}

/// Why a license key or token is not made: some client could not read it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MintError {
    /// A time that not every client can represent.
    #[error("`{field}` is {value}; it must be {least} or more and less than 2^53 unix seconds")]
    TimeOutOfRange {
        /// `issued_at` or `expires_at`.
        field: &'static str,
        /// The refused time.
        value: i64,
        /// The least time accepted: 0 is not an expiry, because it means "never".
        least: i64,
    },
    /// More entitlements than the format can count.
    #[error("{count} entitlements; a license key holds at most 255")]
    TooManyEntitlements {
        /// How many were given.
        count: usize,
    },
    /// An entitlement that not every client reads.
    #[error("entitlement number {position} must be 1 to 255 ASCII characters")]
    BadEntitlement {
        /// Which one, counted from 1.
        position: usize,
    },
    /// A token for no product.
    #[error("a token needs the name of a product")]
    NoProduct,
    /// The token would be longer than [`MAX_TOKEN_LEN`].
    #[error(
        "the token would have {length} characters, the limit is {MAX_TOKEN_LEN}; shorten the entitlements"
    )]
    TokenTooLong {
        /// Its length in characters.
        length: usize,
    },
}

impl MintError {
    /// A stable word for programs; the message is for people.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TimeOutOfRange { .. } => "time_out_of_range",
            Self::TooManyEntitlements { .. } => "too_many_entitlements",
            Self::BadEntitlement { .. } => "bad_entitlement",
            Self::NoProduct => "no_product",
            Self::TokenTooLong { .. } => "token_too_long",
        }
    }
}

impl SigningKey {
    /// Makes a license key, version 2, in its canonical text.
    ///
    /// The same license gives the same text every time. What is refused is what
    /// one of the four Keysat clients would misread (Keysat contract, issuer
    /// rule).
    ///
    /// # Errors
    /// [`MintError::TimeOutOfRange`], [`MintError::TooManyEntitlements`] or
    /// [`MintError::BadEntitlement`].
    pub fn sign_license(&self, license: &NewLicense) -> Result<String, MintError> {
        check_time("issued_at", license.issued_at, 0)?;
        if let Some(expires_at) = license.expires_at {
            check_time("expires_at", expires_at, 1)?;
        }
        check_entitlements(&license.entitlements)?;
        let bound = if license.fingerprint_hash.is_some() {
            FLAG_FINGERPRINT_BOUND
        } else {
            0
        };
        let trial = if license.trial { FLAG_TRIAL } else { 0 };
        let payload = LicensePayload {
            version: PayloadVersion::V2,
            flags: bound | trial,
            product_id: license.product_id,
            license_id: license.license_id,
            issued_at: license.issued_at,
            expires_at: license.expires_at.unwrap_or(0),
            fingerprint_hash: license.fingerprint_hash.unwrap_or_default(),
            entitlements: license.entitlements.clone(),
        };
        let bytes = payload.to_bytes();
        Ok(license_key::encode(&bytes, &self.sign(&bytes)))
    }

    /// Makes a license token: compact JSON with the members `product`,
    /// `channel_expiry`, `entitlements` and `version_floor`, then `license`,
    /// `maintenance_until` and `issued_at` where they are set. The same claims give the same
    /// text every time.
    ///
    /// # Errors
    /// [`MintError::NoProduct`] or [`MintError::TokenTooLong`].
    pub fn sign_token(&self, claims: &TokenClaims) -> Result<String, MintError> {
        if claims.product.is_empty() {
            return Err(MintError::NoProduct);
        }
        let payload = claims.to_json();
        let text = token::encode(&payload, &self.sign(&payload));
        if text.len() > MAX_TOKEN_LEN {
            return Err(MintError::TokenTooLong { length: text.len() });
        }
        Ok(text)
    }
}

fn check_time(field: &'static str, value: i64, least: i64) -> Result<(), MintError> {
    if (least..TIME_END).contains(&value) {
        Ok(())
    } else {
        Err(MintError::TimeOutOfRange {
            field,
            value,
            least,
        })
    }
}

fn check_entitlements(entitlements: &[String]) -> Result<(), MintError> {
    if entitlements.len() > MAX_ENTITLEMENTS {
        return Err(MintError::TooManyEntitlements {
            count: entitlements.len(),
        });
    }
    let good = |text: &String| text.is_ascii() && (1..=MAX_ENTITLEMENT_LEN).contains(&text.len());
    match entitlements.iter().position(|text| !good(text)) {
        Some(index) => Err(MintError::BadEntitlement {
            position: index + 1,
        }),
        None => Ok(()),
    }
}
