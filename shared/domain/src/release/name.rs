//! Names inside the releases folder. A request can only ever name something
//! that these types accept, so a path made from them stays inside the folder.

use crate::slug::{NotASlug, Slug};

/// Longest version or platform, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// A version or platform: 1 to [`MAX_NAME_BYTES`] characters from `A-Z`,
/// `a-z`, `0-9`, `.`, `_`, `+`, `-`, starting with a letter or digit, without
/// two dots in a row and not ending in a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// Text that is no name in the releases folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to {MAX_NAME_BYTES} characters A-Z, a-z, 0-9, '.', '_', '+', '-', start with a letter or digit, and have no '..'"
)]
pub struct NotAName;

impl Name {
    /// Reads a version or platform.
    ///
    /// # Errors
    /// [`NotAName`] when the text breaks the grammar.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'+' | b'-');
        let starts_well = text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric());
        if starts_well
            && text.len() <= MAX_NAME_BYTES
            && text.bytes().all(inside)
            && !text.contains("..")
            && !text.ends_with('.')
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAName)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One file of a release: `<product>/<version>/<platform>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFile {
    /// The product's folder.
    pub product: Slug,
    /// The version's folder.
    pub version: Name,
    /// The file: the platform, a Rust target triple.
    pub platform: Name,
}

/// Text that names no release file, with the segment at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseFileError {
    /// The product segment.
    #[error("product {0}")]
    Product(NotASlug),
    /// The version segment.
    #[error("version {0}")]
    Version(NotAName),
    /// The platform segment.
    #[error("platform {0}")]
    Platform(NotAName),
}

impl ReleaseFile {
    /// Reads the three segments of a download URL.
    ///
    /// # Errors
    /// [`ReleaseFileError`] naming the first segment that breaks its grammar.
    pub fn parse(product: &str, version: &str, platform: &str) -> Result<Self, ReleaseFileError> {
        Ok(Self {
            product: Slug::parse(product).map_err(ReleaseFileError::Product)?,
            version: Name::parse(version).map_err(ReleaseFileError::Version)?,
            platform: Name::parse(platform).map_err(ReleaseFileError::Platform)?,
        })
    }

    /// The object key, which is also the path below the releases folder.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.product, self.version.0, self.platform.0)
    }

    /// The file name a browser saves it under.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}", self.product, self.version.0, self.platform.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accepts_versions_and_triples() {
        for text in [
            "1.0.0",
            "v9.0.0",
            "1.10.0-rc1",
            "2.0.0+build.5",
            "x86_64-unknown-linux-gnu",
        ] {
            assert!(Name::parse(text).is_ok(), "{text}");
        }
        let file = ReleaseFile::parse("demo", "1.0.0", "x86_64-unknown-linux-gnu");
        assert_eq!(
            file.map(|f| (f.key(), f.file_name())),
            Ok((
                "demo/1.0.0/x86_64-unknown-linux-gnu".to_owned(),
                "demo-1.0.0-x86_64-unknown-linux-gnu".to_owned()
            ))
        );
    }

    #[test]
    fn refuses_every_way_out_of_the_folder() {
        let long = "1".repeat(65);
        for text in [
            "", ".", "..", "a..b", "../a", "a/b", "/etc", "a\\b", "%2e", "a%2fb", ".hidden", "a\0",
            "a.", "é", &long,
        ] {
            assert_eq!(Name::parse(text), Err(NotAName), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_accepted_key_has_exactly_three_plain_segments(
            product in "\\PC{0,12}", version in "\\PC{0,12}", platform in "\\PC{0,12}"
        ) {
            if let Ok(file) = ReleaseFile::parse(&product, &version, &platform) {
                let key = file.key();
                let segments: Vec<_> = key.split('/').collect();
                prop_assert_eq!(segments.len(), 3);
                prop_assert!(segments.iter().all(|s| !s.is_empty() && *s != "." && *s != ".."));
            }
        }
    }
}
