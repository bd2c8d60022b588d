//! The vendor's signing key.

use std::fmt;

use data_encoding::{BASE64, BASE64_NOPAD};
use ed25519_compact::{KeyPair, Seed};

use crate::{KeyError, PublicKey};

/// An Ed25519 key that signs licenses, tokens, download links and checkpoints.
///
/// It signs nothing else: there is no way to have arbitrary bytes signed.
/// `Debug` shows the public half only.
///
/// ```
/// use keywright_license::{NewLicense, SigningKey, Uuid, VerifyKeys, verify_license};
///
/// # let seed = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// let key = SigningKey::from_seed_base64(seed)?;
/// let text = key.sign_license(&NewLicense {
///     product_id: Uuid::from_u128(1),
///     license_id: Uuid::from_u128(2),
///     issued_at: 1_800_000_000,
///     expires_at: None,
///     trial: false,
///     fingerprint_hash: None,
///     entitlements: vec!["pro".to_owned()],
/// })?;
/// let keys = VerifyKeys::new([key.public_key()])?;
/// assert!(verify_license(&text, &keys)?.payload().has_entitlement("pro"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SigningKey {
    pair: KeyPair,
    public_key: PublicKey,
}

/// Why a text or bytes cannot be a signing key. No message repeats any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// Not standard base64.
    #[error("the signing key is not base64; make one with `openssl rand -base64 32`")]
    NotBase64,
    /// Not 32 bytes.
    #[error(
        "the signing key has {length} bytes instead of 32; make one with `openssl rand -base64 32`"
    )]
    WrongLength {
        /// Length of the decoded bytes.
        length: usize,
    },
    /// 32 zero bytes: a placeholder, known to everyone.
    #[error("the signing key is all zeros; make one with `openssl rand -base64 32`")]
    AllZero,
    /// The public key that belongs to it is not usable.
    #[error(
        "the signing key gives an unusable public key ({0}); make one with `openssl rand -base64 32`"
    )]
    BadPublicKey(#[from] KeyError),
}

impl SeedError {
    /// A stable word for programs; the message is for people.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotBase64 => "not_base64",
            Self::WrongLength { .. } => "wrong_length",
            Self::AllZero => "all_zero",
            Self::BadPublicKey(_) => "bad_public_key",
        }
    }
}

impl SigningKey {
    /// Takes the 32-byte seed, the private key of RFC 8032 section 5.1.5.
    ///
    /// # Errors
    /// [`SeedError::AllZero`].
    pub fn from_bytes(seed: &[u8; 32]) -> Result<Self, SeedError> {
        // `KeyPair::from_seed` panics on this one.
        if seed.iter().fold(0, |any, byte| any | byte) == 0 {
            return Err(SeedError::AllZero);
        }
        let pair = KeyPair::from_seed(Seed::new(*seed));
        let public_key = PublicKey::from_bytes(*pair.pk)?;
        Ok(Self { pair, public_key })
    }

    /// Reads the seed from standard base64, with or without `=`; white space
    /// around it is ignored. What `openssl rand -base64 32` prints.
    ///
    /// # Errors
    /// [`SeedError`]; see its variants.
    pub fn from_seed_base64(text: &str) -> Result<Self, SeedError> {
        let text = text.trim();
        let encoding = if text.ends_with('=') {
            BASE64
        } else {
            BASE64_NOPAD
        };
        let seed = encoding
            .decode(text.as_bytes())
            .map_err(|_| SeedError::NotBase64)?;
        let seed = seed
            .try_into()
            .map_err(|bytes: Vec<u8>| SeedError::WrongLength {
                length: bytes.len(),
            })?;
        Self::from_bytes(&seed)
    }

    /// The public half. It must be the newest of the keys that verifiers trust:
    /// compare it with [`crate::VerifyKeys::first`] before signing.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Signs bytes: plain Ed25519, deterministic, so that the same license
    /// always has the same key text.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        *self.pair.sk.sign(message, None)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(feature = "verify")]
mod tests {
    use super::*;
    use ed25519_dalek::Signer;
    use serde_json::Value;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn bytes<const N: usize>(case: &Value, member: &str) -> [u8; N] {
        message(case, member).try_into().unwrap()
    }

    fn message(case: &Value, member: &str) -> Vec<u8> {
        let text = case[member].as_str().unwrap();
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn signs_the_vectors_of_rfc_8032() {
        let vectors: Value =
            serde_json::from_str(include_str!("../tests/vectors/ed25519.json")).unwrap();
        let cases = vectors["rfc8032"]["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 4);
        for case in cases {
            let key = SigningKey::from_bytes(&bytes(case, "seedHex")).unwrap();
            assert_eq!(key.public_key().as_bytes(), &bytes(case, "publicKeyHex"));
            assert_eq!(
                key.sign(&message(case, "messageHex")),
                bytes(case, "signatureHex")
            );
        }
    }

    /// The two Ed25519 libraries must be interchangeable, byte for byte.
    #[test]
    fn signs_as_the_other_library_does() {
        for round in 0_u8..64 {
            let seed =
                std::array::from_fn(|index| round.wrapping_mul(37) ^ u8::try_from(index).unwrap());
            let text: Vec<u8> = (0..usize::from(round) * 5)
                .map(|index| seed[index % 32])
                .collect();
            let ours = SigningKey::from_bytes(&seed).unwrap();
            let theirs = ed25519_dalek::SigningKey::from_bytes(&seed);
            assert_eq!(
                ours.public_key().as_bytes(),
                theirs.verifying_key().as_bytes()
            );
            assert_eq!(ours.sign(&text), theirs.sign(&text).to_bytes());
            assert!(ours.public_key().accepts(&text, &ours.sign(&text)));
        }
    }
}
