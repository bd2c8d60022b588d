//! A wallet that signs messages, with no part of the product in it.

use data_encoding::HEXLOWER;
use k256::ecdsa::SigningKey;
use keywright_providers::polygon::Address;
use sha3::{Digest, Keccak256};

/// An account with its secret key.
pub struct Wallet(SigningKey);

impl Wallet {
    /// A wallet of its own for each name.
    ///
    /// # Panics
    /// Never: no name's hash is a key that is none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "one hash in 2^128 is no key")]
    pub fn named(name: &str) -> Self {
        let secret = Keccak256::digest(name.as_bytes());
        Self(SigningKey::from_slice(&secret).expect("a key"))
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Address {
        let point = self.0.verifying_key().to_sec1_point(false);
        let hash = Keccak256::digest(&point.as_bytes()[1..]);
        let mut address = [0; 20];
        address.copy_from_slice(&hash[12..]);
        Address::from_bytes(address)
    }

    /// Its signature over a personal message (EIP-191): `0x`, two numbers and
    /// 27 or 28.
    #[must_use]
    pub fn sign(&self, message: &str) -> String {
        format!("0x{}", HEXLOWER.encode(&self.sign_bytes(message)))
    }

    /// The bytes of [`Self::sign`].
    #[must_use]
    pub fn sign_bytes(&self, message: &str) -> Vec<u8> {
        let prefixed = format!("\x19Ethereum Signed Message:\n{}{message}", message.len());
        let digest = Keccak256::digest(prefixed.as_bytes());
        let (signature, recovery) = self.0.sign_prehash_recoverable(&digest);
        let mut bytes = signature.to_bytes().to_vec();
        bytes.push(27 + recovery.to_byte());
        bytes
    }
}
