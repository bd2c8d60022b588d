//! One Ed25519 public key and its text forms.

use std::fmt;
use std::str::FromStr;

use data_encoding::{
    BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE,
};

/// What precedes the 32 key bytes in a `SubjectPublicKeyInfo` (RFC 8410 section
/// 4): two sequence headers, the object identifier 1.3.101.112 (Ed25519), and
/// the header of a bit string without unused bits.
const SPKI_PREFIX: [u8; 12] = *b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
const SPKI_LEN: usize = SPKI_PREFIX.len() + 32;

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// The y-coordinates, little-endian, of the eight points whose order divides 8:
/// 0 (order 4), 1 (order 1), -1 (order 2), and the two of order 8.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    *b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    *b"\xec\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\
       \xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
    *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\
       \x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\
       \xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
];

/// An Ed25519 public key (RFC 8032).
///
/// Only usable keys exist as values of this type: the encoding is canonical
/// (y < 2²⁵⁵ - 19), the point is not one of the eight of small order, and, with
/// the feature `verify`, the bytes are a point of the curve at all. Without
/// that feature the last cannot be told; such a key then verifies nothing
/// wherever it is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    bytes: [u8; 32],
    /// The decompressed point: decompressing takes about a fifteenth of the time
    /// of a verification.
    #[cfg(feature = "verify")]
    point: ed25519_dalek::VerifyingKey,
}

/// A public key, or a list of them, that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No key at all, where at least one is needed.
    #[error("no public key given; set at least one, as 64 hex digits, base64 or PEM")]
    Missing,
    /// The text is none of the accepted forms.
    #[error(
        "not an Ed25519 public key; write it as 64 hex digits, as base64 of 32 bytes, or as PEM `PUBLIC KEY`"
    )]
    UnknownForm,
    /// PEM or JWK of a private key.
    #[error(
        "this is a private key; give the public one, and replace the private key if it has been exposed"
    )]
    PrivateKey,
    /// PEM whose label is not `PUBLIC KEY`, or whose content is not the 44-byte
    /// Ed25519 form.
    #[error("not the PEM of an Ed25519 public key (label `PUBLIC KEY`, 44 bytes of DER)")]
    BadPem,
    /// Not a JSON Web Key of type OKP on the curve Ed25519.
    #[error(
        "not the JWK of an Ed25519 public key (`kty` OKP, `crv` Ed25519, `x` of 43 base64url characters)"
    )]
    BadJwk,
    /// The y-coordinate is not reduced, so that one point would have two texts.
    #[error("the public key is not canonically encoded; make a new key pair")]
    NotCanonical,
    /// One of the eight points of small order, for example 32 zero bytes:
    /// signatures under it can be made by anyone.
    #[error(
        "the public key is a point of small order, which protects nothing; make a new key pair"
    )]
    SmallOrder,
    /// No point of the curve has this encoding.
    #[error("the bytes are no point of the curve Ed25519; check that the key was copied whole")]
    NotAPoint,
    /// More keys than anyone should have to try.
    #[error("more than {max} public keys; remove the oldest")]
    TooMany {
        /// The greatest number accepted, [`crate::MAX_VERIFY_KEYS`].
        max: usize,
    },
    /// One key of a list is wrong.
    #[error("public key number {position}: {error}")]
    InList {
        /// Which one, counted from 1.
        position: usize,
        /// What is wrong with it.
        error: Box<KeyError>,
    },
}

impl KeyError {
    /// A stable word for programs; the message is for people.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::UnknownForm => "unknown_form",
            Self::PrivateKey => "private_key",
            Self::BadPem => "bad_pem",
            Self::BadJwk => "bad_jwk",
            Self::NotCanonical => "not_canonical",
            Self::SmallOrder => "small_order",
            Self::NotAPoint => "not_a_point",
            Self::TooMany { .. } => "too_many",
            Self::InList { error, .. } => error.code(),
        }
    }
}

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032 section 5.1.5.
    ///
    /// # Errors
    /// [`KeyError::NotCanonical`], [`KeyError::SmallOrder`] or
    /// [`KeyError::NotAPoint`].
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        // The highest bit is the sign of x; the rest is y.
        let mut y = bytes;
        y[31] &= 0x7f;
        // p = 2^255 - 19 is ed ff … ff 7f in little-endian order.
        if y[0] >= 0xed && y[31] == 0x7f && y[1..31].iter().all(|byte| *byte == 0xff) {
            return Err(KeyError::NotCanonical);
        }
        if SMALL_ORDER_Y.contains(&y) {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self {
            bytes,
            #[cfg(feature = "verify")]
            point: ed25519_dalek::VerifyingKey::from_bytes(&bytes)
                .map_err(|_| KeyError::NotAPoint)?,
        })
    }

    /// The 32 bytes of RFC 8032 section 5.1.5.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Reads 64 hex digits of either case.
    ///
    /// # Errors
    /// [`KeyError::UnknownForm`], or what [`Self::from_bytes`] refuses.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes());
        Self::from_decoded(bytes)
    }

    /// Reads base64 of 32 bytes, in the standard or the URL-safe alphabet, with
    /// or without `=`.
    ///
    /// # Errors
    /// [`KeyError::UnknownForm`], or what [`Self::from_bytes`] refuses.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let encoding = match (text.contains(['-', '_']), text.ends_with('=')) {
            (false, false) => BASE64_NOPAD,
            (false, true) => BASE64,
            (true, false) => BASE64URL_NOPAD,
            (true, true) => BASE64URL,
        };
        Self::from_decoded(encoding.decode(text.as_bytes()))
    }

    fn from_decoded(bytes: Result<Vec<u8>, data_encoding::DecodeError>) -> Result<Self, KeyError> {
        let bytes = bytes.map_err(|_| KeyError::UnknownForm)?;
        Self::from_bytes(bytes.try_into().map_err(|_| KeyError::UnknownForm)?)
    }

    /// Reads PEM with the label `PUBLIC KEY`.
    ///
    /// White space around and inside the base64 is ignored (the lax form of
    /// RFC 7468), so that a key whose line ends were lost in a configuration
    /// file still reads. The DER must be exactly these 44 bytes:
    ///
    /// | offset | size | content |
    /// |---|---|---|
    /// | 0 | 12 | `30 2a 30 05 06 03 2b 65 70 03 21 00` |
    /// | 12 | 32 | the key |
    ///
    /// # Errors
    /// [`KeyError::PrivateKey`] when the label says so, [`KeyError::BadPem`] for
    /// any other form, or what [`Self::from_bytes`] refuses.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let label = text
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.split_once("-----"));
        if label.is_some_and(|(label, _)| label.ends_with("PRIVATE KEY")) {
            return Err(KeyError::PrivateKey);
        }
        let body = text
            .strip_prefix(PEM_BEGIN)
            .and_then(|rest| rest.strip_suffix(PEM_END))
            .ok_or(KeyError::BadPem)?;
        let base64: Vec<u8> = body
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let der = BASE64.decode(&base64).map_err(|_| KeyError::BadPem)?;
        let key = der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::BadPem)?;
        Self::from_bytes(key.try_into().map_err(|_| KeyError::BadPem)?)
    }

    /// 64 lower-case hex digits, the form of the release server's
    /// `/verify-key.pub`.
    #[must_use]
    pub fn to_hex(&self) -> String {
        HEXLOWER.encode(&self.bytes)
    }

    /// Standard base64 with `=`: 44 characters.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64.encode(&self.bytes)
    }

    /// PEM as `GET /v1/pubkey` serves it: one line of base64, LF line ends, and
    /// a line end after the last line. The strictest Keysat client accepts it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let mut der = [0; SPKI_LEN];
        der[..SPKI_PREFIX.len()].copy_from_slice(&SPKI_PREFIX);
        der[SPKI_PREFIX.len()..].copy_from_slice(&self.bytes);
        format!("{PEM_BEGIN}\n{}\n{PEM_END}\n", BASE64.encode(&der))
    }

    /// Whether `signature` over exactly `message` was made with this key, by the
    /// acceptance rule of this crate (see the crate's introduction).
    #[cfg(feature = "verify")]
    #[must_use]
    pub fn accepts(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.point.verify_strict(message, &signature).is_ok()
    }
}

/// Reads hex, base64 or PEM, whichever the text is.
impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.is_empty() {
            Err(KeyError::Missing)
        } else if text.starts_with("-----BEGIN ") {
            Self::from_pem(text)
        } else if text.len() == 64 {
            Self::from_hex(text)
        } else {
            Self::from_base64(text)
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_hex())
    }
}
