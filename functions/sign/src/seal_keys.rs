//! The keys that seal the audit log. They sign nothing else, so that one that leaks does
//! not make licenses.

use crate::error::Refusal;
use keywright_license::SigningKey;
use keywright_ports::{Config, SealKeyState, Setting, SignRefusal, name};
use std::sync::Arc;

/// Most keys at once: the new one and the old one of a rotation.
const MOST_KEYS: usize = 2;

/// `SEAL_KEY`, which only a sealed audit log needs.
pub(crate) const SEAL_KEY: Setting = Setting {
    names: &[name::SEAL_KEY],
    check: |config| match configured(config) {
        Ok(_) | Err(NoSealKey::Missing) => Vec::new(),
        Err(wrong) => vec![wrong.to_string()],
    },
};

/// The keys, newest first, or why there is none.
#[derive(Clone)]
pub(crate) struct SealKeys(Arc<Result<Vec<SigningKey>, NoSealKey>>);

/// Why nothing is sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSealKey {
    #[error(
        "SEAL_KEY is not configured, so the audit log is not sealed; make a key with: keywright keygen seal"
    )]
    Missing,
    #[error(
        "SEAL_KEY must be an Ed25519 seed of 32 bytes in base64, or two separated by a comma, the newest first: {0}"
    )]
    Malformed(String),
    #[error("SEAL_KEY must be another key than SIGNING_KEY")]
    SigningKey,
}

impl SealKeys {
    pub(crate) fn configured(config: &Config) -> Self {
        Self(Arc::new(configured(config)))
    }

    /// The keys that sign a checkpoint.
    ///
    /// # Errors
    /// 503 without one, or when one must not be used.
    pub(crate) fn usable(&self) -> Result<&[SigningKey], Refusal> {
        match &*self.0 {
            Ok(keys) => Ok(keys),
            Err(error) => Err(Refusal::new(error.refusal(), error.to_string())),
        }
    }

    /// Whether they can be used, for the operator.
    pub(crate) fn state(&self) -> SealKeyState {
        match &*self.0 {
            Ok(_) => SealKeyState::Usable,
            Err(NoSealKey::Missing) => SealKeyState::Missing,
            Err(NoSealKey::Malformed(_) | NoSealKey::SigningKey) => SealKeyState::Bad,
        }
    }
}

impl NoSealKey {
    /// What is not configured is no fault, unlike a key that cannot be used.
    const fn refusal(&self) -> SignRefusal {
        match self {
            Self::Missing => SignRefusal::NoSealKey,
            Self::Malformed(_) | Self::SigningKey => SignRefusal::BadSealKey,
        }
    }
}

/// The configured keys.
///
/// # Errors
/// [`NoSealKey`]; its text never holds any part of a key.
fn configured(config: &Config) -> Result<Vec<SigningKey>, NoSealKey> {
    let text = config.get(name::SEAL_KEY).ok_or(NoSealKey::Missing)?;
    let keys: Result<Vec<SigningKey>, _> =
        text.split(',').map(SigningKey::from_seed_base64).collect();
    let keys = keys.map_err(|error| NoSealKey::Malformed(error.to_string()))?;
    if keys.len() > MOST_KEYS {
        return Err(NoSealKey::Malformed("there are more than two".to_owned()));
    }
    let signing = config
        .get(name::SIGNING_KEY)
        .map(SigningKey::from_seed_base64);
    if let Some(Ok(signing)) = signing
        && keys
            .iter()
            .any(|key| key.public_key() == signing.public_key())
    {
        return Err(NoSealKey::SigningKey);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// base64 of 32 bytes of 0x5a and of 0x5b.
    const A: &str = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=";
    const B: &str = "W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1s=";

    fn count(seal: &str, signing: &str) -> Result<usize, NoSealKey> {
        let config = Config::new([
            (name::SEAL_KEY, seal.to_owned()),
            (name::SIGNING_KEY, signing.to_owned()),
        ]);
        configured(&config).map(|keys| keys.len())
    }

    #[test]
    fn one_key_or_two_that_sign_nothing_else() {
        assert_eq!(count(A, B), Ok(1));
        assert_eq!(count(&format!("{A}, {B}"), ""), Ok(2));
        assert_eq!(count("", A), Err(NoSealKey::Missing));
        assert_eq!(count(A, A), Err(NoSealKey::SigningKey));
        assert_eq!(count(&format!("{B},{A}"), A), Err(NoSealKey::SigningKey));
    }

    #[test]
    fn a_key_that_cannot_be_used_is_not_shown() {
        let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for text in [
            "secret!",
            "WlpaWg==",
            zero,
            &A[..40],
            &format!("{A},"),
            &format!("{A},{B},{A}"),
        ] {
            let Err(error @ NoSealKey::Malformed(_)) = count(text, "") else {
                panic!("{text} was taken");
            };
            assert!(!error.to_string().contains(text), "{error}");
        }
    }
}
