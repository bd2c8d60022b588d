//! Credentials at rest, sealed with a key of the configuration: `CREDENTIALS_KEY` for
//! those of payment providers, `WEBHOOK_KEY` for the secrets of webhook endpoints. A copy
//! of the database opens none of them, and what is sealed for one place opens in no other.

use crate::seal::{digest, open, seal};
use crate::{Config, Stamps, name};
use data_encoding::BASE64;
use keywright_domain::secrets::{WeakSecret, check_secret};
use std::fmt;

/// The key that credentials are sealed with. It does not print.
#[derive(Clone)]
pub struct Vault([u8; 32]);

/// Why nothing can be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoVault {
    /// No key of this name is configured.
    #[error("{0} is not configured; make one with: openssl rand -base64 32")]
    Missing(&'static str),
    /// What is configured is no key.
    #[error("{0} is not 32 bytes in base64; make one with: openssl rand -base64 32")]
    Malformed(&'static str),
    /// It is one that nobody would get from a generator.
    #[error("{0} {1}; make one with: openssl rand -base64 32")]
    Weak(&'static str, WeakSecret),
}

impl Vault {
    /// The vault of the payment providers' credentials.
    ///
    /// # Errors
    /// [`NoVault`].
    pub fn configured(config: &Config) -> Result<Self, NoVault> {
        Self::keyed(config, name::CREDENTIALS_KEY)
    }

    /// The vault whose key has this name in the configuration: 32 bytes in base64.
    ///
    /// # Errors
    /// [`NoVault`].
    pub fn keyed(config: &Config, name: &'static str) -> Result<Self, NoVault> {
        let text = config.get(name).ok_or(NoVault::Missing(name))?;
        let malformed = NoVault::Malformed(name);
        let bytes = BASE64.decode(text.as_bytes()).map_err(|_| malformed)?;
        let key: [u8; 32] = bytes.try_into().map_err(|_| malformed)?;
        check_secret(&key, key.len()).map_err(|weak| NoVault::Weak(name, weak))?;
        Ok(Self(key))
    }

    /// Seals a text for a place, such as an id and what it is for. `None` when
    /// the text is longer than the cipher takes (256 GiB).
    #[must_use]
    pub fn seal(&self, stamps: &Stamps, place: &[&str], text: &str) -> Option<String> {
        seal(self.0, stamps.random(), text.as_bytes(), &aad(place))
    }

    /// Opens what was sealed for this place; `None` for another key or place.
    #[must_use]
    pub fn open(&self, place: &[&str], sealed: &str) -> Option<String> {
        let bytes = open(self.0, sealed, &aad(place))?;
        String::from_utf8(bytes).ok()
    }
}

fn aad(place: &[&str]) -> [u8; 32] {
    let parts: Vec<&[u8]> = place.iter().map(|part| part.as_bytes()).collect();
    digest("credentials", &parts)
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, Random};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    struct Standing;

    impl Clock for Standing {
        fn unix_millis(&self) -> u64 {
            0
        }
    }

    /// Counts, so that a test is the same each time.
    struct Counting(AtomicU8);

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn stamps() -> Stamps {
        Stamps::new(Arc::new(Standing), Arc::new(Counting(AtomicU8::new(0))))
    }

    fn vault(key: &str) -> Result<Vault, NoVault> {
        Vault::configured(&Config::new([(name::CREDENTIALS_KEY, key.to_owned())]))
    }

    fn key(first: u8) -> String {
        // Odd multiples go through all bytes, in no row.
        let bytes: Vec<u8> = (0..32_u8).map(|n| n.wrapping_mul(77) ^ first).collect();
        BASE64.encode(&bytes)
    }

    #[test]
    fn opens_with_the_same_key_at_the_same_place_only() {
        let stamps = stamps();
        let ours = vault(&key(1)).expect("a key");
        let sealed = ours
            .seal(&stamps, &["p1", "api_key"], "secret")
            .expect("sealed");
        let opened = |vault: &Vault, place: &[&str]| vault.open(place, &sealed);
        assert_eq!(opened(&ours, &["p1", "api_key"]).as_deref(), Some("secret"));
        for place in [
            &["p2", "api_key"][..],
            &["p1", "webhook_secret"],
            &["p1api_key"],
            &[],
        ] {
            assert_eq!(opened(&ours, place), None, "{place:?}");
        }
        let other = vault(&key(2)).expect("a key");
        assert_eq!(opened(&other, &["p1", "api_key"]), None);
        let again = ours
            .seal(&stamps, &["p1", "api_key"], "secret")
            .expect("sealed");
        assert_ne!(again, sealed, "each nonce is new");
        assert_eq!(format!("{ours:?}"), "Vault(..)");
    }

    #[test]
    fn only_a_key_is_taken() {
        let whole = key(1);
        for (text, why) in [
            ("", NoVault::Missing(name::CREDENTIALS_KEY)),
            ("  ", NoVault::Missing(name::CREDENTIALS_KEY)),
            ("short", NoVault::Malformed(name::CREDENTIALS_KEY)),
            (&whole[..40], NoVault::Malformed(name::CREDENTIALS_KEY)),
            (&"A".repeat(44), NoVault::Malformed(name::CREDENTIALS_KEY)),
            (
                &BASE64.encode(&[0; 32]),
                NoVault::Weak(name::CREDENTIALS_KEY, WeakSecret::Pattern),
            ),
            (
                &BASE64.encode(&[7; 32]),
                NoVault::Weak(name::CREDENTIALS_KEY, WeakSecret::Pattern),
            ),
            (
                &BASE64.encode(&[1; 33]),
                NoVault::Malformed(name::CREDENTIALS_KEY),
            ),
        ] {
            assert_eq!(vault(text).err(), Some(why), "{text:?}");
        }
        assert!(vault(&format!(" {whole}\n")).is_ok(), "spaces are a slip");
    }
}
