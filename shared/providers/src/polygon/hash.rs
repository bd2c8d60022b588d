//! Hashes of blocks and transactions, and Keccak-256.

use super::hex::{self, PastedHexError};
use sha3::{Digest, Keccak256};
use std::fmt;
use std::str::FromStr;

/// The hash of a block or a transaction. Its text is `0x` and 64 lower-case
/// digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// Text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 0x and 64 hexadecimal digits")]
pub struct HashError;

impl Hash {
    /// A hash from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a hash that somebody pasted.
    ///
    /// # Errors
    /// [`PastedHexError`] names the likely cause.
    pub fn pasted(text: &str) -> Result<Self, PastedHexError> {
        let clean = hex::pasted(text, 64)?;
        // `hex::pasted` lets only such texts through.
        Ok(hex::fixed(&clean).map_or(Self([0; 32]), Self))
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Hash {
    type Err = HashError;

    /// Reads `0x` and 64 digits, of either case; nothing is trimmed.
    fn from_str(text: &str) -> Result<Self, HashError> {
        hex::fixed(text).map(Self).ok_or(HashError)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Keccak-256 as Ethereum uses it, which is not SHA3-256.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_strictly_and_shown_in_lower_case() {
        let text = "0xDDF252AD1BE2C89B69C2B068FC378DAA952BA7F163C4A11628F55A4DF523B3EF";
        let hash: Hash = text.parse().expect("a hash");
        let lower = format!("0x{}", text[2..].to_lowercase());
        assert_eq!(hash.to_string(), lower);
        assert_eq!(
            hash.as_bytes(),
            &keccak256(b"Transfer(address,address,uint256)")
        );
        for text in [
            "",
            "0x",
            &lower[2..],
            &lower[..65],
            &format!("{lower}0"),
            &format!(" {lower}"),
            &format!("{lower}\n"),
            &lower.replace("0xdd", "0xgg"),
            &lower.replace("0x", "0X"),
        ] {
            assert_eq!(text.parse::<Hash>(), Err(HashError), "{text:?}");
        }
    }

    #[test]
    fn keccak_is_not_sha3() {
        assert_eq!(
            hex::encode(&keccak256(b"")),
            "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
    }
}
