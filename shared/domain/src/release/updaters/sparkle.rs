//! Sparkle: one archive for a Mac.

use super::{Listed, Members};
use crate::release::{Platform, Version};
use serde_json::{Map, Value};

/// The archives that Sparkle unpacks, the one to take first first.
const ENDINGS: &[&str] = &[
    ".zip", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz", ".tar", ".aar", ".dmg",
    ".pkg",
];

/// The archive of a release, and for whom it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive<'a> {
    /// Its platform.
    pub platform: &'a Platform,
    /// Whether it runs on Apple silicon only.
    pub arm64_only: bool,
    /// Whether it is an installer package.
    pub is_package: bool,
}

/// The archive for a Mac of this architecture (`x86_64` or `aarch64`), or for
/// any Mac: a universal one before one that Rosetta translates before one for
/// Apple silicon.
#[must_use]
pub fn archive<'a>(files: &'a [Listed], arch: Option<&str>) -> Option<Archive<'a>> {
    let triples: &[&str] = match arch {
        Some("aarch64" | "arm64") => &[
            "aarch64-apple-darwin",
            "universal-apple-darwin",
            "x86_64-apple-darwin",
        ],
        Some("x86_64") => &["x86_64-apple-darwin", "universal-apple-darwin"],
        Some(_) => &[],
        None => &[
            "universal-apple-darwin",
            "x86_64-apple-darwin",
            "aarch64-apple-darwin",
        ],
    };
    files
        .iter()
        .filter_map(|file| {
            let triple = file.platform.triple();
            let at = triples.iter().position(|wanted| *wanted == triple)?;
            let kind = match file.ending(ENDINGS) {
                Some(kind) => kind,
                // A file of no other updater, of an unknown kind.
                None if file.is_unnamed() => ENDINGS.len(),
                None => return None,
            };
            Some((at, kind, file))
        })
        .min_by_key(|(at, kind, _)| (*at, *kind))
        .map(|(_, _, file)| Archive {
            platform: &file.platform,
            arm64_only: file.platform.triple() == "aarch64-apple-darwin",
            is_package: file.ending(&[".pkg"]).is_some(),
        })
}

/// What the member `sparkle` of a release's metadata says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What Sparkle compares with the app's `CFBundleVersion`.
    pub build_version: String,
    /// Whether the release says that itself; otherwise it is its version.
    pub has_build_version: bool,
    /// The lowest macOS.
    pub minimum_system_version: Option<String>,
    /// The highest macOS.
    pub maximum_system_version: Option<String>,
    /// A page with the release notes.
    pub release_notes_link: Option<String>,
    /// The product's page.
    pub link: Option<String>,
}

impl Item {
    /// Reads the metadata of a release; without a build version, the version is
    /// what Sparkle compares.
    #[must_use]
    pub fn of(version: &Version, metadata: &Map<String, Value>) -> Self {
        let members = Members::of(metadata, "sparkle");
        let build_version = members.text("build_version");
        Self {
            has_build_version: build_version.is_some(),
            build_version: build_version.unwrap_or_else(|| version.to_string()),
            minimum_system_version: members.text("minimum_system_version"),
            maximum_system_version: members.text("maximum_system_version"),
            release_notes_link: members.text("release_notes_link"),
            link: members.text("link"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::listed;
    use super::*;
    use serde_json::json;

    #[test]
    fn the_archive_runs_on_the_mac_that_asks() {
        let all = [
            ("aarch64-apple-darwin", "Demo-arm.zip"),
            ("universal-apple-darwin", "Demo.dmg"),
            ("universal-apple-darwin.zip", "Demo.zip"),
            ("x86_64-apple-darwin", "Demo-intel.zip"),
            ("x86_64-unknown-linux-gnu", "demo.zip"),
        ];
        let two = [all[0], all[3]];
        for (files, arch, expected) in [
            (&all[..], None, Some("universal-apple-darwin.zip")),
            (&all, Some("aarch64"), Some("aarch64-apple-darwin")),
            (&all, Some("x86_64"), Some("x86_64-apple-darwin")),
            (&all, Some("sparc"), None),
            (
                &all[1..3],
                Some("aarch64"),
                Some("universal-apple-darwin.zip"),
            ),
            (&two, None, Some("x86_64-apple-darwin")),
            (&two[1..], Some("arm64"), Some("x86_64-apple-darwin")),
            (&two[..1], Some("x86_64"), None),
            (&two[..1], None, Some("aarch64-apple-darwin")),
            (&all[4..], None, None),
        ] {
            let files = listed(files);
            let found = archive(&files, arch);
            assert_eq!(
                found.as_ref().map(|found| found.platform.as_str()),
                expected,
                "{arch:?}"
            );
            let arm64_only = expected == Some("aarch64-apple-darwin");
            assert_eq!(found.is_some_and(|found| found.arm64_only), arm64_only);
        }
    }

    #[test]
    fn files_that_are_no_archives_are_passed_over() {
        let darwin = "universal-apple-darwin";
        for (name, is_archive) in [
            ("Demo.ZIP", true),
            ("demo", true),
            ("demo-1.2.0-universal-apple-darwin", true),
            ("Demo.AppImage", false),
            ("Demo.exe", false),
        ] {
            let files = listed(&[(darwin, name)]);
            assert_eq!(archive(&files, None).is_some(), is_archive, "{name}");
        }
        let files = listed(&[(darwin, "Demo.pkg")]);
        assert!(archive(&files, None).is_some_and(|found| found.is_package));
    }

    #[test]
    fn the_build_version_is_what_is_said_or_the_version() {
        let version = Version::parse("1.2.0").expect("a version");
        let item = |metadata: Value| Item::of(&version, metadata.as_object().expect("members"));
        assert_eq!(item(json!({})).build_version, "1.2.0");
        let said =
            item(json!({"sparkle": {"build_version": 42, "minimum_system_version": "13.0"}}));
        assert_eq!(said.build_version, "42");
        assert_eq!(said.minimum_system_version.as_deref(), Some("13.0"));
    }
}
