//! The machine fingerprint as it appears inside a license key.

use sha2::{Digest, Sha256};

/// Hashes a raw machine fingerprint to the 32 bytes stored in a license key.
///
/// SHA-256 of the UTF-8 bytes exactly as given: no salt, no trimming, no case
/// folding, no Unicode normalisation (Keysat contract, fingerprint hash). The
/// empty string is hashed like any other.
///
/// ```
/// let hash = keywright_license::hash_fingerprint("hello");
/// assert_eq!(hash[..4], [0x2c, 0xf2, 0x4d, 0xba]);
/// ```
#[must_use]
pub fn hash_fingerprint(raw: &str) -> [u8; 32] {
    Sha256::digest(raw.as_bytes()).into()
}
