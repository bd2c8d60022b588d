//! The text form of a license key: `LIC1-payload-signature`.

use std::fmt;

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};

use crate::LicensePayload;
use crate::payload::MAX_PAYLOAD_LEN;

const PREFIX: &str = "LIC1";
const SIGNATURE_LEN: usize = 64;
/// 64 bytes in base32 without padding.
const SIGNATURE_TEXT_LEN: usize = 103;

/// The length of the longest key the format can express, in bytes of its text:
/// 255 entitlements of 255 bytes. An ordinary key has 242 and a few.
pub const MAX_KEY_LEN: usize =
    PREFIX.len() + 1 + (MAX_PAYLOAD_LEN * 8).div_ceil(5) + 1 + SIGNATURE_TEXT_LEN;

/// How much white space around a key is looked at, beyond the longest key.
const MAX_SURROUNDING_SPACE: usize = 1024;

/// A license key that has been read but **not verified**: anyone can write one.
///
/// The text is `LIC1-` base32(payload) `-` base32(signature), where base32 is
/// that of RFC 4648 (`A`–`Z`, `2`–`7`) without `=`, and the signature is 64
/// bytes of Ed25519 over the payload bytes. [`LicensePayload`] has the payload's
/// layout. `Display` writes the canonical, upper-case text.
#[derive(Clone, PartialEq, Eq)]
pub struct LicenseKey {
    pub(crate) payload: LicensePayload,
    /// The payload bytes as received; what the signature is over.
    pub(crate) signed_bytes: Vec<u8>,
    pub(crate) signature: [u8; SIGNATURE_LEN],
}

/// Why a text is not a license key. All of these are `bad_format` to the Keysat
/// contract; the variants are for people and logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// Longer than any key can be. Found without reading the text.
    #[error("the text is {length} bytes long; no key is longer than {MAX_KEY_LEN}")]
    TooLong {
        /// Length of the text in bytes.
        length: usize,
    },
    /// The text does not start with `LIC1-`, in capitals.
    #[error("a license key starts with `LIC1-`; check that the key was copied whole")]
    BadPrefix,
    /// Not exactly three parts separated by `-`.
    #[error("a license key has three parts, LIC1-…-…; check that the key was copied whole")]
    BadParts,
    /// A part is not canonical base32: a foreign character, `=`, white space
    /// inside, an impossible length, or non-zero trailing bits.
    #[error(
        "the {part} part contains a wrong character or was cut off; check that the key was copied whole"
    )]
    BadEncoding {
        /// `payload` or `signature`.
        part: &'static str,
    },
    /// The signature is not 64 bytes.
    #[error("the signature has {length} bytes instead of 64; check that the key was copied whole")]
    BadSignatureLength {
        /// Length in bytes.
        length: usize,
    },
    /// The payload is empty, too short, or (version 1) too long.
    #[error(
        "the payload has an impossible length of {length} bytes; check that the key was copied whole"
    )]
    BadPayloadLength {
        /// Length in bytes.
        length: usize,
    },
    /// A payload version that this crate does not know.
    #[error("payload version {version} is unknown; update this software")]
    UnsupportedVersion {
        /// The payload's first byte.
        version: u8,
    },
    /// The payload ends within its entitlements.
    #[error("the list of entitlements is cut off")]
    TruncatedEntitlements,
    /// An entitlement is not UTF-8.
    #[error("an entitlement is not UTF-8 text")]
    EntitlementNotUtf8,
    /// Bytes follow the last entitlement.
    #[error("bytes follow the last entitlement")]
    TrailingBytes,
}

impl FormatError {
    /// A stable word for programs; the message is for people.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::BadPrefix => "bad_prefix",
            Self::BadParts => "bad_parts",
            Self::BadEncoding { .. } => "bad_encoding",
            Self::BadSignatureLength { .. } => "bad_signature_length",
            Self::BadPayloadLength { .. } => "bad_payload_length",
            Self::UnsupportedVersion { .. } => "unsupported_version",
            Self::TruncatedEntitlements => "truncated_entitlements",
            Self::EntitlementNotUtf8 => "entitlement_not_utf8",
            Self::TrailingBytes => "trailing_bytes",
        }
    }
}

/// Why a license key is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LicenseError {
    /// The text cannot be read as a license key.
    #[error("the license key cannot be read: {0}")]
    Format(#[from] FormatError),
    /// The key is well-formed, but none of the trusted public keys made its
    /// signature.
    #[error("the license key was not signed by this vendor; check that the key was copied whole")]
    BadSignature,
    /// The license is past its end.
    #[error("the license expired at {expires_at} (unix seconds); renew it")]
    Expired {
        /// The end, in unix seconds.
        expires_at: i64,
    },
    /// The key is bound to another machine.
    #[error("the license key is bound to another machine")]
    FingerprintMismatch,
}

impl LicenseError {
    /// The word that the Keysat contract uses for this reason: `bad_format`,
    /// `bad_signature`, `expired` or `fingerprint_mismatch`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(_) => "bad_format",
            Self::BadSignature => "bad_signature",
            Self::Expired { .. } => "expired",
            Self::FingerprintMismatch => "fingerprint_mismatch",
        }
    }
}

impl LicenseKey {
    /// Reads a license key, without verifying it.
    ///
    /// The rule is that of a Keysat server: white space around the key is
    /// ignored, `LIC1` is in capitals, the base32 may be of either case, without
    /// `=`, and its unused trailing bits are zero; the payload is exact, its
    /// version known, its entitlements UTF-8. A text that is longer than any key
    /// is refused before it is looked at.
    ///
    /// # Errors
    /// [`FormatError`]; see its variants.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        if text.len() > MAX_KEY_LEN + MAX_SURROUNDING_SPACE {
            return Err(FormatError::TooLong { length: text.len() });
        }
        let text = text.trim();
        if text.len() > MAX_KEY_LEN {
            return Err(FormatError::TooLong { length: text.len() });
        }
        let mut parts = text.split('-');
        if parts.next() != Some(PREFIX) {
            return Err(FormatError::BadPrefix);
        }
        let (Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(FormatError::BadParts);
        };
        let signed_bytes = decode(payload, "payload")?;
        let signature = decode(signature, "signature")?;
        let signature = <[u8; SIGNATURE_LEN]>::try_from(signature).map_err(|bytes| {
            FormatError::BadSignatureLength {
                length: bytes.len(),
            }
        })?;
        let payload = LicensePayload::from_bytes(&signed_bytes)?;
        Ok(Self {
            payload,
            signed_bytes,
            signature,
        })
    }

    /// What the key claims. **Not verified**: for messages such as "this key
    /// belongs to another product", never for granting anything.
    #[must_use]
    pub fn unverified_payload(&self) -> &LicensePayload {
        &self.payload
    }

    /// The 64 signature bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8; SIGNATURE_LEN] {
        &self.signature
    }
}

fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, FormatError> {
    // Both the case-insensitive alphabet and the check of trailing bits are
    // those of `data-encoding`.
    BASE32_NOPAD_NOCASE
        .decode(text.as_bytes())
        .map_err(|_| FormatError::BadEncoding { part })
}

/// Writes the canonical text of a key.
pub(crate) fn encode(signed_bytes: &[u8], signature: &[u8; SIGNATURE_LEN]) -> String {
    let payload = BASE32_NOPAD.encode(signed_bytes);
    let signature = BASE32_NOPAD.encode(signature);
    format!("{PREFIX}-{payload}-{signature}")
}

impl fmt::Display for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.signed_bytes, &self.signature))
    }
}

/// Leaves the signature out, so that a log line cannot be turned into a key.
impl fmt::Debug for LicenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicenseKey")
            .field("unverified_payload", &self.payload)
            .finish_non_exhaustive()
    }
}
