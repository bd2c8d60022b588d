//! Versions and their order.

use super::name::MAX_NAME_BYTES;
use semver::{BuildMetadata, Prerelease};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// A version: one to four numbers with dots between them, then optionally
/// `-` and a pre-release, `+` and build metadata, both as in Semantic
/// Versioning 2.0.0 (items 9 and 10). At most [`MAX_NAME_BYTES`] bytes, no
/// leading `v`; numbers may have leading zeros, as Joomla extensions do.
///
/// The order is by the numbers, the shorter list first where one begins the
/// other (`1.2` < `1.2.0`), then by the precedence of pre-releases (item 11 of
/// the specification). Build metadata has no precedence; versions that differ
/// only in it or in leading zeros are ordered as text, so that the order is
/// total.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    numbers: Vec<u64>,
    pre: Prerelease,
}

/// Text that is not a [`Version`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a version has 1 to 4 numbers separated by dots, then optionally -pre.release and +build, such as 1.4.0 or 2.0.0-rc.1, and at most {MAX_NAME_BYTES} characters"
)]
pub struct NotAVersion;

/// Most numbers of a version.
const MAX_NUMBERS: usize = 4;

impl Version {
    /// Reads a version.
    ///
    /// # Errors
    /// [`NotAVersion`] when the text breaks the grammar or a number exceeds 64
    /// bits.
    pub fn parse(text: &str) -> Result<Self, NotAVersion> {
        if text.len() > MAX_NAME_BYTES {
            return Err(NotAVersion);
        }
        let (rest, build) = split(text, '+');
        let (numbers, pre) = split(rest, '-');
        if build.is_some_and(|build| build.is_empty() || BuildMetadata::new(build).is_err()) {
            return Err(NotAVersion);
        }
        let pre = match pre {
            Some("") => return Err(NotAVersion),
            Some(pre) => Prerelease::new(pre).map_err(|_| NotAVersion)?,
            None => Prerelease::EMPTY,
        };
        let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Result<_, _>>()?;
        if numbers.len() > MAX_NUMBERS {
            return Err(NotAVersion);
        }
        Ok(Self {
            text: text.to_owned(),
            numbers,
            pre,
        })
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a pre-release part: never offered on the stable channel.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn number(text: &str) -> Result<u64, NotAVersion> {
    // `u64::from_str` would take a leading `+`.
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotAVersion);
    }
    text.parse().map_err(|_| NotAVersion)
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| self.pre.cmp(&other.pre))
            .then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Version {
    type Error = NotAVersion;

    fn try_from(text: String) -> Result<Self, NotAVersion> {
        Self::parse(&text)
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.text
    }
}

/// In the place of a version: the newest one.
pub const LATEST: &str = "latest";

/// True for a name below a product that is a route and so can be no version:
/// [`LATEST`] and `channels`.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    matches!(name, LATEST | "channels")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        Version::parse(text).expect(text)
    }

    #[test]
    fn orders_as_semantic_versioning_and_as_the_older_server() {
        // Items 11.2 to 11.4 of the specification, then lists of other lengths.
        for row in [
            "1.0.0 2.0.0 2.1.0 2.1.1",
            "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0",
            "0.0.9 0.0.10",
            "1 1.2 1.2.0 1.2.0.1 1.2.1",
            "1.9 1.10",
            "1.10.0-rc1 1.10.0",
            "1.0.0 2.0.0-rc1 2.0.0",
            "1.02.03 1.02.04 1.2.10",
            "1.0.0 1.0.0+a 1.0.0+b 1.0.1",
        ] {
            let versions: Vec<Version> = row.split(' ').map(version).collect();
            assert!(versions.is_sorted(), "{row}");
            assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{row}");
        }
    }

    #[test]
    fn knows_pre_releases() {
        assert!(version("1.0.0-rc.1").is_prerelease());
        assert!(!version("1.0.0+rc.1").is_prerelease());
        assert!(!version("26.11").is_prerelease());
    }

    #[test]
    fn a_reserved_name_is_no_version() {
        for name in [LATEST, "channels"] {
            assert!(is_reserved(name) && Version::parse(name).is_err(), "{name}");
        }
        for name in ["", "Latest", "channel", "1.0.0", "old"] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn refuses_what_is_no_version() {
        let long = format!("1.0.0-{}", "a".repeat(60));
        for text in [
            "",
            ".",
            "1.",
            ".1",
            "1..2",
            "v1.0.0",
            "beta",
            "latest",
            "channels",
            "1.2.3.4.5",
            "1.0.0-",
            "1.0.0+",
            "1.0.0-a..b",
            "1.0.0-01",
            "1.0.0-é",
            "1.0.0 ",
            " 1",
            "+1",
            "1.-2",
            "1/2",
            "1.0\0",
            "99999999999999999999",
            "1.0.0+a+b",
            &long,
        ] {
            assert_eq!(Version::parse(text), Err(NotAVersion), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_version_is_a_name_of_the_folder(text in "[0-9.a-z+-]{1,16}") {
            if let Ok(version) = Version::parse(&text) {
                prop_assert!(super::super::Name::parse(version.as_str()).is_ok());
                prop_assert_eq!(version.to_string(), text);
            }
        }

        #[test]
        fn the_order_is_total(a in "[0-2](\\.[0-2]){0,3}(-[ab1](\\.[ab1])?)?(\\+[ab])?",
                              b in "[0-2](\\.[0-2]){0,3}(-[ab1](\\.[ab1])?)?(\\+[ab])?") {
            let (x, y) = (version(&a), version(&b));
            prop_assert_eq!(x.cmp(&y), y.cmp(&x).reverse());
            prop_assert_eq!(x.cmp(&y) == Ordering::Equal, x == y);
        }
    }
}
