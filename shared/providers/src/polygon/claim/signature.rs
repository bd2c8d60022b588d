//! A signature over a personal message (EIP-191), and who made it.

use super::super::Address;
use super::super::curve::{NoKey, recover};
use super::super::hash::keccak256;
use super::super::hex;
use std::fmt;
use std::str::FromStr;

/// The longest signature that is looked at. That of an account has 65 bytes; a
/// contract wallet with many owners needs one of those for each.
pub const MAX_SIGNATURE_BYTES: usize = 4_096;

/// A signature as a wallet gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

/// Why no account follows from a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not `0x` and hexadecimal digits, or too many.
    #[error("must be 0x and hexadecimal digits, of at most {MAX_SIGNATURE_BYTES} bytes")]
    Form,
    /// An account's signature has 65 bytes.
    #[error("must have 65 bytes, as that of an account has")]
    Length,
    /// Its last byte is none of those in use.
    #[error("must end in one of the bytes 0, 1, 27 and 28")]
    Recovery,
    /// The other of two forms that are worth the same, which no wallet makes.
    #[error("must be in the form that wallets make: its second number is too high")]
    HighS,
    /// No key can have made it.
    #[error("must be one that a key can have made")]
    Impossible,
}

impl Signature {
    /// Its bytes, for a contract wallet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The account that signed this message with its key. Every message gives
    /// some account: compare it.
    ///
    /// # Errors
    /// [`SignatureError`]; never [`SignatureError::Form`].
    pub fn signer(&self, message: &str) -> Result<Address, SignatureError> {
        let Some((numbers, [recovery])) = self.0.split_first_chunk::<64>() else {
            return Err(SignatureError::Length);
        };
        let odd = match recovery {
            0 | 27 => false,
            1 | 28 => true,
            _ => return Err(SignatureError::Recovery),
        };
        recover(&digest(message), numbers, odd)
            .map(|key| key.address())
            .map_err(|error| match error {
                NoKey::HighS => SignatureError::HighS,
                NoKey::Impossible => SignatureError::Impossible,
            })
    }
}

impl FromStr for Signature {
    type Err = SignatureError;

    fn from_str(text: &str) -> Result<Self, SignatureError> {
        if text.len() > 2 + 2 * MAX_SIGNATURE_BYTES {
            return Err(SignatureError::Form);
        }
        let bytes = hex::data(text).filter(|bytes| !bytes.is_empty());
        bytes.map(Self).ok_or(SignatureError::Form)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}

/// What is signed for a personal message: the hash of the message behind a
/// prefix that makes it no transaction (EIP-191, version 0x45).
#[must_use]
pub fn digest(message: &str) -> [u8; 32] {
    let prefix = format!("\x19Ethereum Signed Message:\n{}", message.len());
    keccak256(&[prefix.as_bytes(), message.as_bytes()].concat())
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
