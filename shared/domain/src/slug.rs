//! Slugs: the names of products and policies in URLs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest slug, in bytes. It becomes a folder name and part of a file name.
pub const MAX_SLUG_BYTES: usize = 64;

/// A name of 1 to [`MAX_SLUG_BYTES`] characters from `a-z`, `0-9`, `-`, `_`
/// that starts and ends with a letter or digit. The Keysat SDKs put it into a
/// URL path without escaping, and the release gate uses it as a folder name,
/// so neither `/`, `.` nor `%` may occur.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Text that is not a [`Slug`]. The text follows the member's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_SLUG_BYTES} characters a-z, 0-9, - or _, and start and end with a letter or digit"
)]
pub struct NotASlug;

impl Slug {
    /// Reads a slug.
    ///
    /// # Errors
    /// [`NotASlug`] when the text breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, NotASlug> {
        let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let bytes = text.as_bytes();
        let inside =
            |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        if bytes.len() <= MAX_SLUG_BYTES
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(inside)
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotASlug)
        }
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = NotASlug;

    fn try_from(text: String) -> Result<Self, NotASlug> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_names_of_products() {
        for text in [
            "a",
            "demo",
            "os-network-admin",
            "v2_pro",
            "0x",
            &"a".repeat(64),
        ] {
            assert!(Slug::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_a_path_could_misread() {
        let long = "a".repeat(65);
        for text in [
            "", "-a", "a-", "A", "a/b", "a.b", "..", "a%2f", "a b", "ä", "a\0", "a\n", &long,
        ] {
            assert_eq!(Slug::parse(text), Err(NotASlug), "{text:?}");
        }
    }
}
