//! `<product>/INDEX.json`: everything that a product offers, in one object, so
//! that finding the newest version costs one read however many there are. It is
//! written after the manifests and says no more than they do.

use super::manifest::VersionManifest;
use super::offer::Candidate;
use super::{Channel, Version};
use crate::slug::Slug;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// The format of [`ReleaseIndex`] that this code writes and reads.
pub const INDEX_FORMAT: u32 = 1;

/// Largest index that is written, in bytes of JSON; some 3,000 versions of three
/// platforms.
pub const MAX_INDEX_BYTES: usize = 512 * 1024;

/// What a product offers, the newest version first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseIndex {
    /// [`INDEX_FORMAT`].
    pub format: u32,
    /// The product.
    pub product: Slug,
    /// Versions that are not yanked and have a file that is offered.
    pub versions: Vec<IndexedVersion>,
}

/// A version that is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedVersion {
    /// The version.
    pub version: Version,
    /// Its channel.
    pub channel: Channel,
    /// How many in a hundred installations the feeds offer it to.
    #[serde(default = "everybody", skip_serializing_if = "is_everybody")]
    pub rollout_percent: u8,
    /// Whether it is laid out the older way, without a manifest of its files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub older: bool,
    /// Platforms whose file is offered; of an older one the names in its folder.
    pub files: Vec<String>,
}

const fn everybody() -> u8 {
    100
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
const fn is_everybody(percent: &u8) -> bool {
    *percent == 100
}

impl IndexedVersion {
    /// What a manifest offers; `None` where it offers nothing.
    #[must_use]
    pub fn of_manifest(manifest: &VersionManifest) -> Option<Self> {
        let files = manifest.artifacts.iter();
        let files: Vec<String> = files.map(|file| file.platform.to_string()).collect();
        (manifest.yanked.is_none() && !files.is_empty()).then(|| Self {
            version: manifest.version.clone(),
            channel: manifest.channel,
            rollout_percent: manifest.rollout_percent,
            older: false,
            files,
        })
    }

    /// A folder of the older layout, by the names of its files.
    #[must_use]
    pub fn of_folder(version: Version, files: Vec<String>) -> Self {
        Self {
            channel: Channel::of_older(&version),
            version,
            rollout_percent: 100,
            older: true,
            files,
        }
    }

    /// Whether it has a file of this name.
    #[must_use]
    pub fn has(&self, file: &str) -> bool {
        self.files.iter().any(|name| name == file)
    }

    /// What decides whether it is offered.
    #[must_use]
    pub fn candidate(&self) -> Candidate<'_> {
        Candidate {
            version: &self.version,
            channel: self.channel,
            yanked: false,
            rollout_percent: self.rollout_percent,
        }
    }
}

impl ReleaseIndex {
    /// The index of these versions. Where they are more than fit, those stay
    /// that are the newest of their channel for some file, and of the rest the
    /// newest.
    #[must_use]
    pub fn new(product: Slug, mut versions: Vec<IndexedVersion>) -> Self {
        versions.sort_by(|a, b| Reverse(&a.version).cmp(&Reverse(&b.version)));
        versions.dedup_by(|a, b| a.version == b.version);
        let mut leading = BTreeSet::new();
        let leads: Vec<bool> = versions
            .iter()
            .map(|version| {
                let mut leads = false;
                for file in &version.files {
                    // A pre-release is not on the stable channel, whatever it
                    // was published as.
                    let place = (
                        version.channel,
                        version.version.is_prerelease(),
                        file.clone(),
                    );
                    leads |= leading.insert(place);
                }
                leads
            })
            .collect();
        let mut left = MAX_INDEX_BYTES - 4 * 1024;
        let mut fits: Vec<bool> = vec![false; versions.len()];
        for first in [true, false] {
            for (at, version) in versions.iter().enumerate() {
                if leads[at] != first {
                    continue;
                }
                let bytes = serde_json::to_vec(version).map_or(usize::MAX, |json| json.len());
                if bytes >= left {
                    break;
                }
                left -= bytes + 1;
                fits[at] = true;
            }
        }
        let mut fits = fits.into_iter();
        versions.retain(|_| fits.next().unwrap_or_default());
        Self {
            format: INDEX_FORMAT,
            product,
            versions,
        }
    }

    /// Reads the index found in the folder of `product`; `None` for one that is
    /// damaged, of another format or of another product: it counts as missing.
    #[must_use]
    pub fn read(json: &[u8], product: &Slug) -> Option<Self> {
        let mut index: Self = serde_json::from_slice(json).ok()?;
        // An earlier release of Keywright may have written it in another order.
        index
            .versions
            .sort_by(|a, b| Reverse(&a.version).cmp(&Reverse(&b.version)));
        (index.format == INDEX_FORMAT && index.product == *product).then_some(index)
    }
}

/// Where the index of a product is kept. No version has a name that a manifest
/// or an index could be taken for.
#[must_use]
pub fn index_key(product: &Slug) -> String {
    format!("{product}/INDEX.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demo() -> Slug {
        Slug::parse("demo").expect("a slug")
    }

    fn version(text: &str, channel: Channel, files: &[&str]) -> IndexedVersion {
        IndexedVersion {
            version: Version::parse(text).expect("a version"),
            channel,
            rollout_percent: 100,
            older: false,
            files: files.iter().map(|file| (*file).to_owned()).collect(),
        }
    }

    fn names(index: &ReleaseIndex) -> Vec<&str> {
        let versions = index.versions.iter();
        versions.map(|version| version.version.as_str()).collect()
    }

    #[test]
    fn an_index_is_read_as_it_was_written_and_otherwise_not() {
        let older = IndexedVersion::of_folder(
            Version::parse("0.9.0-rc.1").expect("a version"),
            vec!["any".to_owned(), "any.sig".to_owned()],
        );
        assert_eq!((older.channel, older.older), (Channel::Rc, true));
        let some = IndexedVersion {
            rollout_percent: 5,
            ..version("1.2.0", Channel::Stable, &["any"])
        };
        let index = ReleaseIndex::new(demo(), vec![older, some]);
        assert_eq!(names(&index), ["1.2.0", "0.9.0-rc.1"]);
        let json = serde_json::to_vec(&index).expect("json");
        assert_eq!(ReleaseIndex::read(&json, &demo()), Some(index));
        let other = Slug::parse("other").expect("a slug");
        assert_eq!(ReleaseIndex::read(&json, &other), None);
        let text = String::from_utf8(json).expect("text");
        for damaged in [
            text.replace("\"format\":1", "\"format\":2"),
            text[..text.len() - 1].to_owned(),
            String::new(),
            "{}".to_owned(),
        ] {
            assert_eq!(ReleaseIndex::read(damaged.as_bytes(), &demo()), None);
        }
    }

    #[test]
    fn where_not_all_fit_the_newest_of_each_channel_and_platform_stay() {
        let long = "x".repeat(200);
        let mut versions: Vec<IndexedVersion> = (0..4_000)
            .map(|n| version(&format!("2.0.{n}"), Channel::Dev, &["any", &long]))
            .collect();
        versions.push(version("1.0.0", Channel::Stable, &["any"]));
        versions.push(version("0.1.0", Channel::Stable, &["any.deb"]));
        versions.push(version("0.2.0-rc.1", Channel::Stable, &["any"]));
        versions.push(version("0.0.1", Channel::Dev, &["any"]));
        let index = ReleaseIndex::new(demo(), versions);
        let json = serde_json::to_vec(&index).expect("json");
        assert!(json.len() <= MAX_INDEX_BYTES, "{}", json.len());
        let names = names(&index);
        assert_eq!(names[0], "2.0.3999");
        for kept in ["1.0.0", "0.1.0", "0.2.0-rc.1"] {
            assert!(names.contains(&kept), "{kept}");
        }
        assert!(!names.contains(&"0.0.1"));
        assert!(names.len() > 1_500, "{}", names.len());
        assert!(names.contains(&"2.0.3000"));
    }

    #[test]
    fn a_version_of_which_nothing_is_offered_is_not_in_it() {
        let manifest = |more: serde_json::Value| {
            let mut json = serde_json::json!({
                "format": 1, "product": "demo", "version": "1.2.0", "channel": "beta",
                "built_at_unix": 1, "published_at_unix": 1, "rollout_percent": 7,
                "artifacts": [{ "platform": "any", "file_name": "a", "size_bytes": 1,
                                "sha256": "0".repeat(64), "sha512": "0".repeat(128),
                                "signature": "" }],
            });
            for (member, value) in more.as_object().expect("members") {
                json[member] = value.clone();
            }
            serde_json::from_value::<VersionManifest>(json).expect("a manifest")
        };
        let found = IndexedVersion::of_manifest(&manifest(serde_json::json!({})));
        let found = found.expect("it is offered");
        assert_eq!((found.rollout_percent, found.files.len()), (7, 1));
        assert!(found.has("any") && !found.has("any.deb"));
        let yanked = serde_json::json!({ "yanked": { "at_unix": 1, "reason": "" } });
        assert_eq!(IndexedVersion::of_manifest(&manifest(yanked)), None);
        let empty = serde_json::json!({ "artifacts": [] });
        assert_eq!(IndexedVersion::of_manifest(&manifest(empty)), None);
    }
}
