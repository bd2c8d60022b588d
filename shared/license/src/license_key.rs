//! The text form of a license key: `LIC1-payload-signature`.

use std::fmt;

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_VISUAL};

use crate::pasted::{KEY_PREFIX, MAX_PASTED_LEN};
use crate::payload::MAX_PAYLOAD_LEN;
use crate::{LicensePayload, clean_pasted};

const SIGNATURE_LEN: usize = 64;
/// 64 bytes in base32 without padding.
const SIGNATURE_TEXT_LEN: usize = 103;

/// The length of the longest key the format can express, in bytes of its text:
/// 255 entitlements of 255 bytes. An ordinary key has 242 and a few.
pub const MAX_KEY_LEN: usize =
    KEY_PREFIX.len() + 1 + (MAX_PAYLOAD_LEN * 8).div_ceil(5) + 1 + SIGNATURE_TEXT_LEN;

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
    /// There is no text.
    #[error("no license key was entered")]
    Empty,
    /// The text does not start with `LIC1-`.
    #[error(
        "a license key starts with LIC1-; the beginning of the key is missing, or this is something else"
    )]
    BadPrefix,
    /// `LIC1` is not followed by a dash.
    #[error("the dashes are missing; a license key reads LIC1-…-…")]
    MissingDashes,
    /// Nothing of the signature is there, not even the dash before it.
    #[error("part of the key is missing: everything from its second dash on")]
    MissingSignature,
    /// `LIC1` is there more than once.
    #[error("the key was pasted more than once; paste it once")]
    Doubled,
    /// More than three parts separated by `-`.
    #[error("there are too many dashes; a license key reads LIC1-…-…")]
    BadParts,
    /// A character that no key has: not in base32, and not forgiven.
    #[error("a license key never has the character {character:?} (U+{:04X}); copy the key again", u32::from(*.character))]
    BadCharacter {
        /// The first one.
        character: char,
    },
    /// A part is not canonical base32: its length is impossible, or its unused
    /// trailing bits are not zero.
    #[error("part of the key is missing or wrong in its {part}; copy the whole key again")]
    BadEncoding {
        /// `payload` or `signature`.
        part: &'static str,
    },
    /// The end of the key was cut off.
    #[error("part of the key is missing: the last {missing} of its characters")]
    SignatureTooShort {
        /// How many characters are missing.
        missing: usize,
    },
    /// Something follows the key.
    #[error("{extra} characters follow the end of the key; paste only the key")]
    SignatureTooLong {
        /// How many.
        extra: usize,
    },
    /// The payload is empty, too short, or (version 1) too long.
    #[error(
        "part of the key is missing before its second dash, or too much is there; copy the whole key again"
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
    #[error("part of the key is missing before its second dash; copy the whole key again")]
    TruncatedEntitlements,
    /// An entitlement is not UTF-8.
    #[error("an entitlement in the key is not UTF-8 text; copy the whole key again")]
    EntitlementNotUtf8,
    /// Bytes follow the last entitlement.
    #[error("something was added before the key's second dash; copy the whole key again")]
    TrailingBytes,
}

impl FormatError {
    /// A stable word for programs; the message is for people.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::Empty => "empty",
            Self::BadPrefix => "bad_prefix",
            Self::MissingDashes => "missing_dashes",
            Self::MissingSignature => "missing_signature",
            Self::Doubled => "doubled",
            Self::BadParts => "bad_parts",
            Self::BadCharacter { .. } => "bad_character",
            Self::BadEncoding { .. } => "bad_encoding",
            Self::SignatureTooShort { .. } => "signature_too_short",
            Self::SignatureTooLong { .. } => "signature_too_long",
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
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The key is well-formed, but none of the trusted public keys made its
    /// signature.
    #[error("a character of the license key is wrong, or another vendor issued it; copy it again")]
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
    /// Reads a license key as people paste it, without verifying it.
    ///
    /// What [`clean_pasted`] removes does not matter, and neither does letter case,
    /// or writing `0` for `O`, `1` for `I` and `8` for `B`, which base32 does not
    /// have. Everything else is exact: the base32 without `=`, its unused trailing
    /// bits zero, the payload of a known version and whole, its entitlements UTF-8.
    /// A text that is much longer than any key is refused before it is looked at.
    ///
    /// # Errors
    /// [`FormatError`]; its message names the likely cause.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        if text.len() > MAX_PASTED_LEN {
            return Err(FormatError::TooLong { length: text.len() });
        }
        let text = clean_pasted(text);
        if text.len() > MAX_KEY_LEN {
            return Err(FormatError::TooLong { length: text.len() });
        }
        let (payload, signature) = parts(&text)?;
        let signed_bytes = decode(payload, "payload")?;
        let length = signature.chars().count();
        let missing = SIGNATURE_TEXT_LEN.saturating_sub(length);
        let extra = length.saturating_sub(SIGNATURE_TEXT_LEN);
        let signature = match (missing, extra) {
            (0, 0) => decode(signature, "signature")?,
            (missing, 0) => return Err(FormatError::SignatureTooShort { missing }),
            (_, extra) => return Err(FormatError::SignatureTooLong { extra }),
        };
        let signature = <[u8; SIGNATURE_LEN]>::try_from(signature)
            .map_err(|_| FormatError::BadEncoding { part: "signature" })?;
        let payload = LicensePayload::from_bytes(&signed_bytes)?;
        Ok(Self {
            payload,
            signed_bytes,
            signature,
        })
    }

    /// Whether a text is meant to be a license key: whether it starts with `LIC1`,
    /// once it is cleaned.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        starts_as_key(&clean_pasted(text))
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

/// Whether a cleaned text begins as a license key does.
pub(crate) fn starts_as_key(text: &str) -> bool {
    text.get(..KEY_PREFIX.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(KEY_PREFIX))
}

/// The payload and the signature of a cleaned text.
fn parts(text: &str) -> Result<(&str, &str), FormatError> {
    if text.is_empty() {
        return Err(FormatError::Empty);
    }
    if !starts_as_key(text) {
        return Err(FormatError::BadPrefix);
    }
    let rest = text.split_at(KEY_PREFIX.len()).1;
    let foreign = |c: &char| !(c.is_ascii_alphanumeric() && *c != '9' || *c == '-');
    if let Some(character) = rest.chars().find(foreign) {
        return Err(FormatError::BadCharacter { character });
    }
    let mut parts = rest.split('-');
    if parts.next().is_none_or(|glued| !glued.is_empty()) {
        return Err(FormatError::MissingDashes);
    }
    match (parts.next(), parts.next(), parts.next()) {
        (Some(payload), Some(signature), None) => Ok((payload, signature)),
        (_, None, _) => Err(FormatError::MissingSignature),
        _ if is_doubled(rest) => Err(FormatError::Doubled),
        _ => Err(FormatError::BadParts),
    }
}

/// Whether another key begins within the rest of a key.
fn is_doubled(rest: &str) -> bool {
    rest.to_ascii_uppercase()
        .contains(&format!("{KEY_PREFIX}-"))
}

fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, FormatError> {
    // Both the permissive alphabet and the check of trailing bits are those of
    // `data-encoding`.
    let upper = text.to_ascii_uppercase();
    BASE32_NOPAD_VISUAL
        .decode(upper.as_bytes())
        .map_err(|_| FormatError::BadEncoding { part })
}

/// Writes the canonical text of a key.
pub(crate) fn encode(signed_bytes: &[u8], signature: &[u8; SIGNATURE_LEN]) -> String {
    let payload = BASE32_NOPAD.encode(signed_bytes);
    let signature = BASE32_NOPAD.encode(signature);
    format!("{KEY_PREFIX}-{payload}-{signature}")
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
