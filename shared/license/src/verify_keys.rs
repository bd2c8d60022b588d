//! The public keys that a verifier trusts.

use std::str::FromStr;

use crate::{KeyError, PublicKey};

/// How many keys a verifier accepts at most: a wrong signature costs one
/// verification for each.
pub const MAX_VERIFY_KEYS: usize = 16;

/// One or more public keys, newest first.
///
/// Any of them makes a signature good, so a signing key can be replaced while
/// licenses signed with the old one stay valid. There is no empty set: a
/// verifier without a key cannot be built, and so accepts nothing by mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyKeys {
    newest: PublicKey,
    older: Vec<PublicKey>,
}

impl VerifyKeys {
    /// Collects keys in the given order, newest first. A key given twice counts
    /// once, at its first place.
    ///
    /// # Errors
    /// [`KeyError::Missing`] without keys, [`KeyError::TooMany`] beyond
    /// [`MAX_VERIFY_KEYS`].
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, KeyError> {
        let mut keys = keys.into_iter();
        let newest = keys.next().ok_or(KeyError::Missing)?;
        let mut set = Self {
            newest,
            older: Vec::new(),
        };
        for key in keys {
            if set.iter().any(|known| *known == key) {
                continue;
            }
            if set.len() == MAX_VERIFY_KEYS {
                return Err(KeyError::TooMany {
                    max: MAX_VERIFY_KEYS,
                });
            }
            set.older.push(key);
        }
        Ok(set)
    }

    /// Reads a list of keys from a configuration value such as `VERIFY_KEYS`.
    ///
    /// Each key is 64 hex digits, base64 of 32 bytes, or a PEM block, in any
    /// mixture. Between keys stand commas, semicolons or white space; the two
    /// characters `\n`, as some configuration files keep line ends, count as
    /// white space.
    ///
    /// # Errors
    /// [`KeyError::InList`] with the position of the first key that is wrong, or
    /// what [`Self::new`] refuses.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.replace("\\r", "\r").replace("\\n", "\n");
        let mut rest = skip_separators(&text);
        let mut keys = Vec::new();
        while !rest.is_empty() {
            let (key, after) = split_first(rest);
            let key = key.parse().map_err(|error| KeyError::InList {
                position: keys.len() + 1,
                error: Box::new(error),
            })?;
            keys.push(key);
            rest = skip_separators(after);
        }
        Self::new(keys)
    }

    /// The newest key: the one that belongs to the signing key in use.
    #[must_use]
    pub fn first(&self) -> &PublicKey {
        &self.newest
    }

    /// All keys, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }

    /// How many keys there are; never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the set is never empty")]
    pub fn len(&self) -> usize {
        1 + self.older.len()
    }

    /// The newest key under which `signature` over exactly `message` is good, if
    /// there is one.
    #[cfg(feature = "verify")]
    #[must_use]
    pub fn signer_of(&self, message: &[u8], signature: &[u8; 64]) -> Option<&PublicKey> {
        self.iter().find(|key| key.accepts(message, signature))
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';')
}

fn skip_separators(text: &str) -> &str {
    text.trim_start_matches(is_separator)
}

/// Splits the first key off a list that does not begin with a separator. A PEM
/// block contains separators and ends with its last line, not at the next one.
fn split_first(text: &str) -> (&str, &str) {
    let end = if text.starts_with("-----BEGIN ") {
        let end_line = text.find("-----END ");
        let closing = end_line.and_then(|start| {
            let label = start + "-----END ".len();
            Some(label + text[label..].find("-----")? + "-----".len())
        });
        closing.unwrap_or(text.len())
    } else {
        text.find(is_separator).unwrap_or(text.len())
    };
    text.split_at(end)
}

impl FromStr for VerifyKeys {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl<'a> IntoIterator for &'a VerifyKeys {
    type Item = &'a PublicKey;
    type IntoIter =
        std::iter::Chain<std::iter::Once<&'a PublicKey>, std::slice::Iter<'a, PublicKey>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(&self.newest).chain(&self.older)
    }
}
