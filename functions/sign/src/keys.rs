//! The configured keys: the signing key, checked against the first of the public keys
//! that verify (a key that nobody would accept signs nothing), and the keys that receipts
//! are sealed with.

use crate::error::Refusal;
use keywright_license::{SigningKey, VerifyKeys};
use keywright_ports::receipt_keys::{NoReceiptKeys, ReceiptKeys};
use keywright_ports::settings::fault_of;
use keywright_ports::{Config, Setting, SignReadyRequest, SignRefusal, name};
use std::sync::Arc;

/// `SIGNING_KEY` and `VERIFY_KEYS`, which belong together.
pub(crate) const SIGNING_KEYS: Setting = Setting {
    names: &[name::SIGNING_KEY, name::VERIFY_KEYS],
    check: |config| fault_of(configured(config)),
};

/// The keys of this function, or why it has none. They are refused at every call and not
/// at start, so that the log of each call has the reason.
#[derive(Clone)]
pub(crate) struct SigningKeys {
    signing: Arc<Result<SigningKey, KeyError>>,
    receipts: Result<ReceiptKeys, NoReceiptKeys>,
}

impl SigningKeys {
    pub(crate) fn configured(config: &Config) -> Self {
        Self {
            signing: Arc::new(configured(config)),
            receipts: ReceiptKeys::configured(config),
        }
    }

    /// The key that signs, and those that check receipts.
    ///
    /// # Errors
    /// 503 when either is missing or must not be used.
    pub(crate) fn usable(&self) -> Result<(&SigningKey, &ReceiptKeys), Refusal> {
        let signing = self
            .signing
            .as_ref()
            .as_ref()
            .map_err(|error| Refusal::new(SignRefusal::NoSigningKey, error.to_string()))?;
        let receipts = self
            .receipts
            .as_ref()
            .map_err(|error| Refusal::new(SignRefusal::NoReceiptKey, error.to_string()))?;
        Ok((signing, receipts))
    }

    /// Checks that what this function signs is accepted by the caller, and that it knows
    /// the key that the caller seals receipts with.
    ///
    /// # Errors
    /// 503 when a key is missing, must not be used, or is another one than the caller's.
    pub(crate) fn fit(&self, caller: &SignReadyRequest) -> Result<(), Refusal> {
        let (signing, receipts) = self.usable()?;
        if signing.public_key().to_hex() != caller.verify_key {
            return Err(Refusal::new(
                SignRefusal::NoSigningKey,
                "SIGNING_KEY of sign does not belong to the first of VERIFY_KEYS of purchase: give both functions the same VERIFY_KEYS",
            ));
        }
        if !receipts.has(&caller.receipt_key_id) {
            return Err(Refusal::new(
                SignRefusal::NoReceiptKey,
                "RECEIPT_KEYS of sign lacks the first of RECEIPT_KEYS of purchase: give both functions the same RECEIPT_KEYS",
            ));
        }
        Ok(())
    }
}

/// Why this function refuses to sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("SIGNING_KEY is not configured: set it to a 32-byte Ed25519 seed in base64")]
    Missing,
    #[error("SIGNING_KEY cannot be used: {0}")]
    Malformed(String),
    #[error("VERIFY_KEYS is not configured: set it to the public half of SIGNING_KEY")]
    NoVerifyKeys,
    #[error("VERIFY_KEYS cannot be read: {0}")]
    BadVerifyKeys(String),
    #[error(
        "SIGNING_KEY does not belong to the first of VERIFY_KEYS: put its public key first, newest first"
    )]
    Mismatch,
}

/// The configured key.
///
/// # Errors
/// [`KeyError`]; its text never holds any part of the key.
fn configured(config: &Config) -> Result<SigningKey, KeyError> {
    let seed = config.get(name::SIGNING_KEY).ok_or(KeyError::Missing)?;
    let key = SigningKey::from_seed_base64(seed)
        .map_err(|error| KeyError::Malformed(error.to_string()))?;
    let verify_keys: VerifyKeys = config
        .get(name::VERIFY_KEYS)
        .ok_or(KeyError::NoVerifyKeys)?
        .parse()
        .map_err(|error| KeyError::BadVerifyKeys(format!("{error}")))?;
    if key.public_key() == *verify_keys.first() {
        Ok(key)
    } else {
        Err(KeyError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// base64 of 32 bytes of 0x5a, and its public key.
    const SEED: &str = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=";
    const PUBLIC: &str = "0d7550754e0800a5d237eef5826035766b9b3e5a15868a940ab289958788e3b0";
    const OTHER: &str = "197f6b23e16c8532c6abc838facd5ea789be0c76b2920334039bfa8b3d368d61";

    fn error(seed: &str, verify_keys: &str) -> Option<KeyError> {
        let config = Config::new([
            (name::SIGNING_KEY, seed.to_owned()),
            (name::VERIFY_KEYS, verify_keys.to_owned()),
        ]);
        configured(&config).err()
    }

    #[test]
    fn the_key_must_belong_to_the_first_public_key() {
        assert_eq!(error(SEED, PUBLIC), None);
        assert_eq!(error(SEED, &format!("{PUBLIC},{OTHER}")), None);
        assert_eq!(
            error(SEED, &format!("{OTHER},{PUBLIC}")),
            Some(KeyError::Mismatch)
        );
    }

    #[test]
    fn a_key_that_cannot_sign_is_named_and_not_shown() {
        assert_eq!(error("", PUBLIC), Some(KeyError::Missing));
        assert_eq!(error(SEED, ""), Some(KeyError::NoVerifyKeys));
        assert!(matches!(
            error(SEED, "zz"),
            Some(KeyError::BadVerifyKeys(_))
        ));
        let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for seed in ["secret!", "WlpaWg==", zero, &SEED[..40]] {
            let Some(KeyError::Malformed(text)) = error(seed, PUBLIC) else {
                panic!("{seed} was taken");
            };
            assert!(!text.contains(seed), "{text}");
        }
    }
}
