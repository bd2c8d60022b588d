//! What a file runs on.

use super::name::MAX_NAME_BYTES;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A Rust target triple of two to five parts (`x86_64-unknown-linux-gnu`,
/// `aarch64-apple-darwin`, `wasm32-wasip2`), [`Platform::ANY`] for a file
/// that runs everywhere, or one word that a vendor's own installers ask for
/// (`x86_64`, `arm64`), which no update feed knows. A second file for the same platform has the kind of
/// bundle behind a dot: `x86_64-unknown-linux-gnu.deb`,
/// `universal-apple-darwin.tar.gz`. At most [`MAX_NAME_BYTES`] bytes of `a-z`,
/// `0-9`, `_`, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform(String);

/// Text that is not a [`Platform`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a Rust target triple such as x86_64-unknown-linux-gnu, any, or one word such as x86_64, in lower case, optionally followed by a kind of bundle such as .deb (not .sig), and has at most {MAX_NAME_BYTES} characters"
)]
pub struct NotAPlatform;

/// Most parts of a triple.
const MAX_PARTS: usize = 5;

impl Platform {
    /// A file that runs everywhere, such as a Joomla extension.
    pub const ANY: &'static str = "any";

    /// Reads a platform.
    ///
    /// # Errors
    /// [`NotAPlatform`] when the text breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, NotAPlatform> {
        let platform = Self(text.to_owned());
        let word = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let parts: Vec<&str> = platform.triple().split('-').collect();
        let is_triple = parts.len() <= MAX_PARTS
            // An architecture may have a dot: thumbv8m.main-none-eabi.
            && parts[0].split('.').all(word)
            && parts[0].starts_with(|c: char| c.is_ascii_lowercase())
            && parts[1..].iter().all(|part| word(part));
        let is_bundle = |bundle: &str| {
            bundle.split('.').all(word) && bundle.split('.').next_back() != Some("sig")
        };
        if text.len() <= MAX_NAME_BYTES && is_triple && platform.bundle().is_none_or(is_bundle) {
            Ok(platform)
        } else {
            Err(NotAPlatform)
        }
    }

    /// Whether update feeds can tell what it runs on: a triple, or `any`.
    #[must_use]
    pub fn is_known_to_feeds(&self) -> bool {
        self.triple() == Self::ANY || self.triple().contains('-')
    }

    /// The platform as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The target triple, or `any`.
    #[must_use]
    pub fn triple(&self) -> &str {
        match self.bundle_dot() {
            Some(dot) => &self.0[..dot],
            None => &self.0,
        }
    }

    /// The kind of bundle: `deb`, `tar.gz`; `None` for the platform's first
    /// file.
    #[must_use]
    pub fn bundle(&self) -> Option<&str> {
        self.bundle_dot().map(|dot| &self.0[dot + 1..])
    }

    /// The first dot behind the last `-`.
    fn bundle_dot(&self) -> Option<usize> {
        let last_part = self.0.rfind('-').map_or(0, |dash| dash + 1);
        self.0[last_part..].find('.').map(|dot| last_part + dot)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Platform {
    type Error = NotAPlatform;

    fn try_from(text: String) -> Result<Self, NotAPlatform> {
        Self::parse(&text)
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn knows_triples_and_bundles() {
        for (text, triple, bundle) in [
            ("x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu", None),
            (
                "armv7-unknown-linux-gnueabihf.deb",
                "armv7-unknown-linux-gnueabihf",
                Some("deb"),
            ),
            (
                "universal-apple-darwin.tar.gz",
                "universal-apple-darwin",
                Some("tar.gz"),
            ),
            ("thumbv8m.main-none-eabi", "thumbv8m.main-none-eabi", None),
            (
                "thumbv8m.main-none-eabi.bin",
                "thumbv8m.main-none-eabi",
                Some("bin"),
            ),
            ("wasm32-wasip2", "wasm32-wasip2", None),
            ("any", "any", None),
            ("x86_64", "x86_64", None),
            ("arm64.deb", "arm64", Some("deb")),
            ("any.zip", "any", Some("zip")),
        ] {
            let platform = Platform::parse(text).expect(text);
            assert_eq!((platform.triple(), platform.bundle()), (triple, bundle));
        }
    }

    #[test]
    fn refuses_everything_else() {
        let long = format!("x86_64-{}-linux", "a".repeat(60));
        for text in [
            "",
            "Any",
            "X86_64",
            "x86_64.sig",
            "any.",
            "any.sig",
            "any.tar.sig",
            "x86_64-unknown-linux-gnu.sig",
            "x86_64-",
            "-linux",
            "x86_64--linux",
            "X86_64-pc-windows-msvc",
            "a-b-c-d-e-f",
            "a/b-c",
            "a-b..deb",
            "a-b.deb.",
            "../any",
            "any/..",
            "64-bit",
            &long,
        ] {
            assert_eq!(Platform::parse(text), Err(NotAPlatform), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_platform_is_a_name_of_the_folder(text in "[a-z0-9._-]{1,24}") {
            if let Ok(platform) = Platform::parse(&text) {
                prop_assert!(super::super::Name::parse(platform.as_str()).is_ok());
                prop_assert_ne!(text.rsplit('.').next(), Some("sig"));
            }
        }
    }
}
