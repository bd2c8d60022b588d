//! Extended public keys and their text (BIP-32).

use super::super::PublicKey;
use super::HARDENED;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};
use std::fmt;
use std::str::FromStr;

/// Version bytes of an extended public key of the main network: `xpub…`.
const PUBLIC: [u8; 4] = [0x04, 0x88, 0xb2, 0x1e];

/// Length of the key without its checksum.
const LENGTH: usize = 78;

/// A public key with what it takes to derive others from it.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtendedPublicKey {
    depth: u8,
    parent: [u8; 4],
    number: u32,
    chain_code: [u8; 32],
    key: PublicKey,
}

/// Why a text is no key to derive addresses from. The text itself is in none
/// of the reasons: it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The words of a wallet.
    #[error(
        "these are the recovery words of a wallet, and whoever reads them can spend all of it: \
         put them nowhere on a server. Run `keywright wallet xpub` where the words are safe, \
         and configure the xpub that it prints"
    )]
    Mnemonic,
    /// An extended private key, or private bytes under a public name.
    #[error(
        "this is a private key, and whoever reads it can spend everything: put it nowhere on a \
         server. Configure the extended public key, which begins with xpub"
    )]
    Private,
    /// Not an extended key at all.
    #[error("this is no extended public key, which is 111 letters and digits that begin with xpub")]
    Form,
    /// A typing mistake.
    #[error("the extended public key has a typing mistake: its checksum is wrong")]
    Checksum,
    /// A key of another network or kind, such as `tpub…` and `zpub…`.
    #[error("an extended key of this version is unknown: it must begin with xpub")]
    Version,
    /// A depth of 0 that names a parent or a number.
    #[error("the extended public key contradicts itself: depth 0 with a parent or a number")]
    Master,
    /// Bytes that are no point of the curve.
    #[error("the extended public key contains no valid public key")]
    Point,
    /// Not the key of an account or of its receiving addresses.
    #[error(
        "the extended public key has depth {0}; it must be that of an account, \
         m/44'/60'/0' (depth 3), or of its receiving addresses, m/44'/60'/0'/0 (depth 4)"
    )]
    Depth(u8),
}

impl ExtendedPublicKey {
    /// A key from its parts: how many steps below the master key it is, the
    /// first four bytes of its parent's identifier, its number there, its chain
    /// code and its public key.
    #[must_use]
    pub const fn new(
        depth: u8,
        parent: [u8; 4],
        number: u32,
        chain_code: [u8; 32],
        key: PublicKey,
    ) -> Self {
        Self {
            depth,
            parent,
            number,
            chain_code,
            key,
        }
    }

    /// How many steps below the master key it is.
    #[must_use]
    pub const fn depth(&self) -> u8 {
        self.depth
    }

    /// Its number among its parent's children.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The public key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Its chain code.
    #[must_use]
    pub const fn chain_code(&self) -> &[u8; 32] {
        &self.chain_code
    }

    /// The key and chain code of a child that is not hardened (`CKDpub`).
    /// `None` for a hardened number and for the one number in 2^127 that has no
    /// key, which is to be skipped.
    #[must_use]
    pub fn child(&self, number: u32) -> Option<(PublicKey, [u8; 32])> {
        child(&self.key, &self.chain_code, number)
    }
}

/// As [`ExtendedPublicKey::child`].
pub(super) fn child(
    key: &PublicKey,
    chain_code: &[u8; 32],
    number: u32,
) -> Option<(PublicKey, [u8; 32])> {
    if number >= HARDENED {
        return None;
    }
    let mut mac = Hmac::<Sha512>::new_from_slice(chain_code).ok()?;
    mac.update(&key.to_compressed());
    mac.update(&number.to_be_bytes());
    let hash: [u8; 64] = mac.finalize().into_bytes().into();
    let (left, right) = hash.split_first_chunk::<32>()?;
    Some((key.plus(left)?, right.try_into().ok()?))
}

impl FromStr for ExtendedPublicKey {
    type Err = KeyError;

    /// Reads an extended public key; white space around it is dropped.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        // What is secret is named as such before anything else about it.
        if text.split_whitespace().nth(2).is_some() {
            return Err(KeyError::Mnemonic);
        }
        let hex = text.strip_prefix("0x").unwrap_or(text);
        if matches!(text.get(1..4), Some("prv"))
            || (matches!(hex.len(), 64 | 128) && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            return Err(KeyError::Private);
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| KeyError::Form)?;
        let (payload, checksum) = bytes.split_last_chunk::<4>().ok_or(KeyError::Form)?;
        let payload: &[u8; LENGTH] = payload.try_into().map_err(|_| KeyError::Form)?;
        let hash = Sha256::digest(Sha256::digest(payload));
        if hash[..4] != checksum[..] {
            return Err(KeyError::Checksum);
        }
        Self::read(payload).ok_or(KeyError::Form)?
    }
}

impl ExtendedPublicKey {
    /// Reads the bytes; the outer `None` is what cannot be, a wrong length.
    fn read(payload: &[u8; LENGTH]) -> Option<Result<Self, KeyError>> {
        let (version, rest) = payload.split_first_chunk::<4>()?;
        let ([depth], rest) = rest.split_first_chunk::<1>()?;
        let (parent, rest) = rest.split_first_chunk::<4>()?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        let (chain_code, key) = rest.split_first_chunk::<32>()?;
        let key: &[u8; 33] = key.try_into().ok()?;
        // A private key is written as 32 bytes after a zero.
        if key[0] == 0 {
            return Some(Err(KeyError::Private));
        }
        if *version != PUBLIC {
            return Some(Err(KeyError::Version));
        }
        let number = u32::from_be_bytes(*number);
        if *depth == 0 && (*parent != [0; 4] || number != 0) {
            return Some(Err(KeyError::Master));
        }
        let Some(key) = PublicKey::from_compressed(key) else {
            return Some(Err(KeyError::Point));
        };
        Some(Ok(Self::new(*depth, *parent, number, *chain_code, key)))
    }
}

impl fmt::Display for ExtendedPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(LENGTH + 4);
        bytes.extend(PUBLIC);
        bytes.push(self.depth);
        bytes.extend(self.parent);
        bytes.extend(self.number.to_be_bytes());
        bytes.extend(self.chain_code);
        bytes.extend(self.key.to_compressed());
        let hash = Sha256::digest(Sha256::digest(&bytes));
        bytes.extend(&hash[..4]);
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

/// Not its text: who reads it sees every order's address.
impl fmt::Debug for ExtendedPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtendedPublicKey(depth {})", self.depth)
    }
}

#[cfg(test)]
#[path = "extended_tests.rs"]
mod tests;
