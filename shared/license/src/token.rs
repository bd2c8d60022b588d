//! The license token of the release server.

use std::fmt;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Date, clean_pasted, json};

const SIGNATURE_LEN: usize = 64;

/// The length of the longest token that is read or minted, in characters. The
/// format has no limit of its own; a token must fit into a request header.
pub const MAX_TOKEN_LEN: usize = 8192;

/// A license token that has been decoded but **not verified**: anyone can write
/// one.
///
/// The text is base64url without `=`, with zero trailing bits, so that one
/// sequence of bytes has one text:
///
/// | offset | size | content |
/// |---|---|---|
/// | 0 | 64 | Ed25519 signature over the payload bytes |
/// | 64 | 1 or more | the payload: a JSON object, see [`TokenClaims`] |
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub(crate) signature: [u8; SIGNATURE_LEN],
    /// As received: the signature is over these bytes, not over the JSON's
    /// meaning.
    pub(crate) payload: Vec<u8>,
}

/// What a license token says.
///
/// | member | JSON type | |
/// |---|---|---|
/// | `product` | string | the product whose downloads it opens |
/// | `channel_expiry` | string | `YYYY-MM-DD`, UTC; the last day on which it is good |
/// | `entitlements` | array of strings | |
/// | `version_floor` | string or null | may be absent when read |
/// | `license` | string | left out where there is none |
/// | `maintenance_until` | string | `YYYY-MM-DD`, UTC; left out where there is none |
/// | `issued_at` | number | unix seconds; left out while no key of the license was replaced |
///
/// It serialises compactly in this order; unknown members are ignored when read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenClaims {
    /// The product whose downloads the token opens.
    pub product: String,
    /// The last day, in UTC, on which the token is good. [`Date::MAX`] serves as
    /// "never".
    pub channel_expiry: Date,
    /// What the license grants; a release may need one of them.
    pub entitlements: Vec<String>,
    /// The oldest version the token opens.
    pub version_floor: Option<String>,
    /// The id of the license, so that a revoked one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// The last day, in UTC, whose builds are included; absent where all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_until: Option<Date>,
    /// When it was issued, in unix seconds: tells it from those that it replaces. Absent in
    /// the tokens of a license whose key was never replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<i64>,
}

/// Why a token is not accepted. The order of the variants is the order of the
/// checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not canonical base64url without padding, or longer than
    /// [`MAX_TOKEN_LEN`].
    #[error("the token has a character that no token has, or part of it is missing; copy it again")]
    Malformed,
    /// Nothing follows the signature, or not even that is complete.
    #[error("part of the token is missing; copy the whole token again")]
    TooShort,
    /// None of the trusted keys made the signature.
    #[error("a character of the token is wrong, or another vendor issued it; copy it again")]
    InvalidSignature,
    /// The signature is good, but the payload is not what an issuer writes.
    #[error("the token's payload is not valid: {reason}")]
    InvalidPayload {
        /// What is wrong with the JSON.
        reason: String,
    },
    /// The token is good, for another product.
    #[error("the token is for the product `{product}`")]
    WrongProduct {
        /// The product it is for.
        product: String,
    },
    /// The token's last day is over.
    #[error("the token expired after {channel_expiry}; renew the license or fetch a new token")]
    ChannelExpired {
        /// The last day on which it was good.
        channel_expiry: Date,
    },
}

impl TokenError {
    /// The word that the release server's contract uses.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed-token",
            Self::TooShort => "token-too-short",
            Self::InvalidSignature => "invalid-signature",
            Self::InvalidPayload { .. } => "invalid-payload",
            Self::WrongProduct { .. } => "wrong-product",
            Self::ChannelExpired { .. } => "channel-expired",
        }
    }
}

/// The payload as it is read; the dates are checked in a second step to give
/// them a message of their own.
#[derive(Deserialize)]
struct ReadClaims {
    product: String,
    channel_expiry: String,
    entitlements: Vec<String>,
    version_floor: Option<String>,
    license: Option<String>,
    maintenance_until: Option<String>,
    issued_at: Option<i64>,
}

impl Token {
    /// Reads a token as people paste it, without verifying it: what [`clean_pasted`]
    /// removes does not matter, everything else is exact. A text that is longer than
    /// [`MAX_TOKEN_LEN`] is refused before it is decoded.
    ///
    /// # Errors
    /// [`TokenError::Malformed`] or [`TokenError::TooShort`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = clean_pasted(text);
        if text.len() > MAX_TOKEN_LEN {
            return Err(TokenError::Malformed);
        }
        let bytes = BASE64URL_NOPAD
            .decode(text.as_bytes())
            .map_err(|_| TokenError::Malformed)?;
        match bytes.split_first_chunk() {
            Some((signature, payload)) if !payload.is_empty() => Ok(Self {
                signature: *signature,
                payload: payload.to_owned(),
            }),
            _ => Err(TokenError::TooShort),
        }
    }

    /// The signed bytes, **not verified**.
    #[must_use]
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The 64 signature bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8; SIGNATURE_LEN] {
        &self.signature
    }

    /// The name of the token in a deny list: SHA-256 of its canonical text, in
    /// lower-case hex. However the token was pasted, its name is the same.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(self.to_string()))
    }
}

impl TokenClaims {
    /// Reads a token's payload.
    ///
    /// # Errors
    /// [`TokenError::InvalidPayload`] if the bytes are not a JSON object with
    /// the members that the type documents, or `channel_expiry` is not a
    /// calendar date.
    pub fn from_json(payload: &[u8]) -> Result<Self, TokenError> {
        let read: ReadClaims =
            json::from_object(payload).map_err(|error| TokenError::InvalidPayload {
                reason: error.to_string(),
            })?;
        let date = |member: &str, text: &str| {
            Date::parse(text).map_err(|error| TokenError::InvalidPayload {
                reason: format!("{member}: {error}"),
            })
        };
        let channel_expiry = date("channel_expiry", &read.channel_expiry)?;
        let maintenance_until = read
            .maintenance_until
            .map(|text| date("maintenance_until", &text))
            .transpose()?;
        Ok(Self {
            product: read.product,
            channel_expiry,
            entitlements: read.entitlements,
            version_floor: read.version_floor,
            license: read.license,
            maintenance_until,
            issued_at: read.issued_at,
        })
    }

    /// The payload as an issuer writes it: compact, in the type's order.
    #[must_use]
    #[expect(
        clippy::missing_panics_doc,
        reason = "writing strings to memory as JSON cannot fail"
    )]
    pub fn to_json(&self) -> Vec<u8> {
        #[expect(
            clippy::expect_used,
            reason = "writing strings to memory as JSON cannot fail"
        )]
        serde_json::to_vec(self).expect("strings are JSON")
    }

    /// Checks that the token opens `product` now (unix seconds): the product
    /// first, then the date. The day of expiry itself, in UTC, is still good.
    ///
    /// # Errors
    /// [`TokenError::WrongProduct`] or [`TokenError::ChannelExpired`].
    pub fn check(&self, product: &str, now: i64) -> Result<(), TokenError> {
        if self.product != product {
            return Err(TokenError::WrongProduct {
                product: self.product.clone(),
            });
        }
        if self.channel_expiry < Date::from_unix(now) {
            return Err(TokenError::ChannelExpired {
                channel_expiry: self.channel_expiry,
            });
        }
        Ok(())
    }
}

/// Writes the text of a token.
pub(crate) fn encode(payload: &[u8], signature: &[u8; SIGNATURE_LEN]) -> String {
    BASE64URL_NOPAD.encode(&[signature, payload].concat())
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.payload, &self.signature))
    }
}

/// Leaves the signature out, so that a log line cannot be turned into a token.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field(
                "unverified_payload",
                &String::from_utf8_lossy(&self.payload),
            )
            .finish_non_exhaustive()
    }
}
