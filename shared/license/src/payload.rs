//! The signed part of a license key, byte by byte.

use std::fmt;

use uuid::Uuid;

use crate::license_key::FormatError;
use crate::{has_entitlement, hash_fingerprint};

/// Flag bit 0: the key is bound to the machine whose fingerprint hash it holds.
pub(crate) const FLAG_FINGERPRINT_BOUND: u8 = 0b01;
/// Flag bit 1: the license is a trial.
pub(crate) const FLAG_TRIAL: u8 = 0b10;

const V1_LEN: usize = 74;
/// Version 2 up to and including the number of entitlements.
const V2_HEAD_LEN: usize = 83;
/// The longest payload the format can express: 255 entitlements of 255 bytes,
/// each after its length.
pub(crate) const MAX_PAYLOAD_LEN: usize = V2_HEAD_LEN + 255 * 256;

/// The version of a payload; its first byte. (The `1` of `LIC1` counts the
/// envelope, not the payload.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PayloadVersion {
    /// The legacy form: no expiry, no entitlements. Read, never written anew.
    V1,
    /// The only form that is issued.
    V2,
}

/// What a license key says.
///
/// All integers are big-endian, ids are UUID bytes in their written order, times
/// are unix seconds, signed.
///
/// Version 1, exactly 74 bytes:
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 1 | version = 1 |
/// | 1 | 1 | flags |
/// | 2 | 16 | product id |
/// | 18 | 16 | license id |
/// | 34 | 8 | issued at |
/// | 42 | 32 | fingerprint hash, zero when unbound |
///
/// Version 2, 83 bytes and the entitlements, nothing after them:
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 1 | version = 2 |
/// | 1 | 1 | flags |
/// | 2 | 16 | product id |
/// | 18 | 16 | license id |
/// | 34 | 8 | issued at |
/// | 42 | 8 | expires at, 0 = never |
/// | 50 | 32 | fingerprint hash, zero when unbound |
/// | 82 | 1 | number of entitlements |
/// | 83 | … | for each: one byte length, then that many bytes of UTF-8 |
///
/// Flags: bit 0 = bound to a fingerprint, bit 1 = trial. The other bits are kept
/// as they are and mean nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct LicensePayload {
    pub(crate) version: PayloadVersion,
    pub(crate) flags: u8,
    pub(crate) product_id: Uuid,
    pub(crate) license_id: Uuid,
    pub(crate) issued_at: i64,
    /// As on the wire: 0 = never. Always 0 in version 1.
    pub(crate) expires_at: i64,
    pub(crate) fingerprint_hash: [u8; 32],
    /// Each at most 255 bytes, at most 255 of them. Always empty in version 1.
    pub(crate) entitlements: Vec<String>,
}

impl LicensePayload {
    /// Decodes a payload. Exact: no byte may be missing and none left over.
    ///
    /// # Errors
    /// [`FormatError`] with the `BadPayloadLength`, `UnsupportedVersion`,
    /// `TruncatedEntitlements`, `EntitlementNotUtf8` or `TrailingBytes` variant.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader {
            rest: bytes,
            total: bytes.len(),
        };
        let version = match reader.byte()? {
            1 if bytes.len() == V1_LEN => PayloadVersion::V1,
            2 if bytes.len() >= V2_HEAD_LEN => PayloadVersion::V2,
            1 | 2 => {
                return Err(FormatError::BadPayloadLength {
                    length: bytes.len(),
                });
            }
            version => return Err(FormatError::UnsupportedVersion { version }),
        };
        let flags = reader.byte()?;
        let product_id = Uuid::from_bytes(reader.array()?);
        let license_id = Uuid::from_bytes(reader.array()?);
        let issued_at = i64::from_be_bytes(reader.array()?);
        let expires_at = match version {
            PayloadVersion::V1 => 0,
            PayloadVersion::V2 => i64::from_be_bytes(reader.array()?),
        };
        let fingerprint_hash = reader.array()?;
        let entitlements = match version {
            PayloadVersion::V1 => Vec::new(),
            PayloadVersion::V2 => reader.entitlements()?,
        };
        if !reader.rest.is_empty() {
            return Err(FormatError::TrailingBytes);
        }
        Ok(Self {
            version,
            flags,
            product_id,
            license_id,
            issued_at,
            expires_at,
            fingerprint_hash,
            entitlements,
        })
    }

    /// Encodes the payload; the exact inverse of [`Self::from_bytes`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(V2_HEAD_LEN);
        bytes.push(match self.version {
            PayloadVersion::V1 => 1,
            PayloadVersion::V2 => 2,
        });
        bytes.push(self.flags);
        bytes.extend(self.product_id.as_bytes());
        bytes.extend(self.license_id.as_bytes());
        bytes.extend(self.issued_at.to_be_bytes());
        if self.version == PayloadVersion::V2 {
            bytes.extend(self.expires_at.to_be_bytes());
        }
        bytes.extend(self.fingerprint_hash);
        if self.version == PayloadVersion::V2 {
            bytes.push(one_byte_length(self.entitlements.len()));
            for entitlement in &self.entitlements {
                bytes.push(one_byte_length(entitlement.len()));
                bytes.extend(entitlement.as_bytes());
            }
        }
        bytes
    }

    /// The payload's version.
    #[must_use]
    pub fn version(&self) -> PayloadVersion {
        self.version
    }

    /// The flags byte, unknown bits included.
    #[must_use]
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// The product that the license is for. Whoever checks a license compares
    /// this with its own product: a good signature alone does not.
    #[must_use]
    pub fn product_id(&self) -> Uuid {
        self.product_id
    }

    /// The license's id.
    #[must_use]
    pub fn license_id(&self) -> Uuid {
        self.license_id
    }

    /// When the license was issued, in unix seconds.
    #[must_use]
    pub fn issued_at(&self) -> i64 {
        self.issued_at
    }

    /// From when on the license is expired, in unix seconds; `None` for a
    /// license without end.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        (self.expires_at != 0).then_some(self.expires_at)
    }

    /// SHA-256 of the bound machine's fingerprint; 32 zero bytes when unbound.
    #[must_use]
    pub fn fingerprint_hash(&self) -> &[u8; 32] {
        &self.fingerprint_hash
    }

    /// What the license grants, in the issuer's order.
    #[must_use]
    pub fn entitlements(&self) -> &[String] {
        &self.entitlements
    }

    /// Whether the license grants `wanted`; exact and case-sensitive.
    #[must_use]
    pub fn has_entitlement(&self, wanted: &str) -> bool {
        has_entitlement(&self.entitlements, wanted)
    }

    /// Whether the key works on one machine only.
    #[must_use]
    pub fn is_fingerprint_bound(&self) -> bool {
        self.flags & FLAG_FINGERPRINT_BOUND != 0
    }

    /// Whether the license is a trial.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.flags & FLAG_TRIAL != 0
    }

    /// Whether the license is expired at `now` (unix seconds). The second of
    /// expiry itself is expired. No grace and no allowance for a wrong clock:
    /// those are the caller's to add.
    #[must_use]
    pub fn is_expired_at(&self, now: i64) -> bool {
        self.expires_at()
            .is_some_and(|expires_at| now >= expires_at)
    }

    /// Whether the key may be used on the machine with this raw fingerprint: an
    /// unbound key anywhere, a bound one on its own machine.
    #[must_use]
    pub fn matches_fingerprint(&self, raw: &str) -> bool {
        !self.is_fingerprint_bound() || self.fingerprint_hash == hash_fingerprint(raw)
    }
}

/// A length that is at most 255: decoding cannot yield more, and minting checks
/// it before it builds a payload.
fn one_byte_length(length: usize) -> u8 {
    debug_assert!(length <= 255);
    u8::try_from(length).unwrap_or(u8::MAX)
}

impl fmt::Debug for LicensePayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LicensePayload")
            .field("version", &self.version)
            .field("flags", &self.flags)
            .field("product_id", &self.product_id)
            .field("license_id", &self.license_id)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at())
            .field("entitlements", &self.entitlements)
            .finish_non_exhaustive()
    }
}

/// Takes a payload apart from the front.
struct Reader<'a> {
    rest: &'a [u8],
    /// Length of the whole payload, for the error.
    total: usize,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (first, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(FormatError::BadPayloadLength { length: self.total })?;
        self.rest = rest;
        Ok(*first)
    }

    fn byte(&mut self) -> Result<u8, FormatError> {
        self.array().map(|[byte]| byte)
    }

    fn entitlements(&mut self) -> Result<Vec<String>, FormatError> {
        let count = self.byte()?;
        // No capacity is reserved from `count`: it is the sender's claim.
        let mut entitlements = Vec::new();
        for _ in 0..count {
            let (&length, rest) = self
                .rest
                .split_first()
                .ok_or(FormatError::TruncatedEntitlements)?;
            let (text, rest) = rest
                .split_at_checked(length.into())
                .ok_or(FormatError::TruncatedEntitlements)?;
            let text = std::str::from_utf8(text).map_err(|_| FormatError::EntitlementNotUtf8)?;
            entitlements.push(text.to_owned());
            self.rest = rest;
        }
        Ok(entitlements)
    }
}
