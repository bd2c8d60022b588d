//! Versions and their order.

use super::identifiers::Identifiers;
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
/// There is one order, for `latest`, every feed and every limit. It compares:
///
/// 1. the numbers, where one that is missing counts as 0;
/// 2. the pre-release, which comes before the version without one;
/// 3. the build metadata, which comes after the version without it;
/// 4. how many numbers there are (`1.2` < `1.2.0`), and last the text, so that
///    the order is total.
///
/// Pre-releases and build metadata compare as Semantic Versioning orders
/// pre-releases (item 11), but a number inside an identifier counts as a
/// number: `beta9` < `beta10`. Where no identifier mixes letters and digits,
/// the order is that of Semantic Versioning.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    text: String,
    numbers: Vec<u64>,
    pre: Identifiers,
    build: Identifiers,
}

/// Text that is not a [`Version`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 1 to 4 numbers separated by dots, then optionally -pre.release and +build, such as 1.4.0 or 2.0.0-rc.1, no leading v, and at most {MAX_NAME_BYTES} characters"
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
        if pre.is_some_and(|pre| pre.is_empty() || Prerelease::new(pre).is_err()) {
            return Err(NotAVersion);
        }
        let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Result<_, _>>()?;
        if numbers.len() > MAX_NUMBERS {
            return Err(NotAVersion);
        }
        Ok(Self {
            pre: Identifiers::of(pre.unwrap_or_default()),
            build: Identifiers::of(build.unwrap_or_default()),
            text: text.to_owned(),
            numbers,
        })
    }

    /// Reads a version as people and tags write it: white space around it and
    /// one leading `v` do not count.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_lenient(text: &str) -> Result<Self, NotAVersion> {
        let text = text.trim();
        Self::parse(text.strip_prefix(['v', 'V']).unwrap_or(text))
    }

    /// The version as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it has a pre-release part: never offered on the stable channel.
    #[must_use]
    pub fn is_prerelease(&self) -> bool {
        let (rest, _) = split(&self.text, '+');
        rest.contains('-')
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
        let numbers = |version: &Self| {
            let mut numbers = [0; MAX_NUMBERS];
            numbers[..version.numbers.len()].copy_from_slice(&version.numbers);
            numbers
        };
        // `false` sorts first: a pre-release comes before its version.
        let pre = |version: &Self| !version.is_prerelease();
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| pre(self).cmp(&pre(other)))
            .then_with(|| self.pre.cmp(&other.pre))
            .then_with(|| self.build.cmp(&other.build))
            .then_with(|| self.numbers.len().cmp(&other.numbers.len()))
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
            // Numbers inside identifiers and build metadata count.
            "4.0.0-beta9 4.0.0-beta10 4.0.0",
            "4.0.0-rc9 4.0.0-rc10 4.0.0-rc10.1",
            "1.0.0-alpha.2b 1.0.0-alpha.10b 1.0.0-alpha.x",
            "1.0.0-rc1 1.0.0-rc.2 1.0.0-rc-3 1.0.0-rc4",
            "1.0.0-2026-09-30 1.0.0-2026-10-01",
            "1.0.0 1.0.0+build.9 1.0.0+build.10 1.0.0+build11",
            "1.0.0-rc.1+9 1.0.0-rc.1+10 1.0.0-rc.2",
            "1.0.0+20260930 1.0.0+20261001.1",
            "1.0.0-99999999999999999999 1.0.0-100000000000000000000",
            // Missing numbers are 0, so that a pre-release stays below.
            "1.2.0-rc1 1.2-rc2 1.2 1.2.0 1.2.0.0 1.2.0.1",
            "2026.9 2026.10 2026.10.1 2026.11",
            "1.2.3.9 1.2.3.10",
            "1.01 1.02 1.2.1",
        ] {
            let versions: Vec<Version> = row.split(' ').map(version).collect();
            assert!(versions.is_sorted(), "{row}");
            assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{row}");
        }
    }

    #[test]
    fn people_and_tags_write_a_v() {
        for text in ["v1.2.0", "V1.2.0", " 1.2.0\n"] {
            assert_eq!(
                Version::parse_lenient(text),
                Ok(version("1.2.0")),
                "{text:?}"
            );
        }
        for text in ["", "v", "vv1.2.0", "version 1.2.0"] {
            assert!(Version::parse_lenient(text).is_err(), "{text:?}");
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
        fn the_order_is_total(texts in proptest::collection::vec(
            "0?[0-2](\\.0?[0-2]){0,3}(-[ab1-]{0,3}[ab](\\.[ab12]?[ab-])?)?(\\+[ab01]{1,3})?", 3..6)) {
            let mut versions: Vec<Version> = texts.iter().map(|text| version(text)).collect();
            for (x, y) in versions.iter().zip(&versions[1..]) {
                prop_assert_eq!(x.cmp(y), y.cmp(x).reverse());
                prop_assert_eq!(x.cmp(y) == Ordering::Equal, x == y);
            }
            versions.sort();
            for (at, x) in versions.iter().enumerate() {
                prop_assert!(versions[at..].iter().all(|y| x <= y), "{versions:?}");
            }
        }

        #[test]
        fn semantic_versioning_agrees_where_no_identifier_mixes_letters_and_digits(
            a in "[0-2]\\.[0-2]\\.[0-2](-([a-cA-]{1,2}|0|[1-9][0-9]?)(\\.([ab-]{1,2}|0|[1-9][0-9]?)){0,2})?",
            b in "[0-2]\\.[0-2]\\.[0-2](-([a-cA-]{1,2}|0|[1-9][0-9]?)(\\.([ab-]{1,2}|0|[1-9][0-9]?)){0,2})?",
        ) {
            let semver = |text: &str| semver::Version::parse(text).expect("a version");
            prop_assert_eq!(version(&a).cmp(&version(&b)), semver(&a).cmp(&semver(&b)));
        }
    }
}
