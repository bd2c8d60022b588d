//! Published versions and release keys, and changes to them.

use keywright_domain::release::advice::Advice;
use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::{Channel, ReleaseIndex, Version};
use keywright_domain::slug::Slug;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A published version.
#[derive(Debug, Clone)]
pub(crate) struct PublishedVersion {
    /// The id that the server gave it; `None` in a folder.
    pub(crate) id: Option<String>,
    pub(crate) manifest: VersionManifest,
}

/// A version, or files of a version, to publish.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    pub(crate) product: Slug,
    pub(crate) version: Version,
    pub(crate) channel: Channel,
    pub(crate) notes: Option<String>,
    pub(crate) source_commit: Option<String>,
    pub(crate) requires_entitlement: Option<String>,
    pub(crate) rollout_percent: Option<u8>,
    pub(crate) metadata: Option<Map<String, Value>>,
    /// Unix seconds.
    pub(crate) built_at: Option<i64>,
    /// The public half of the key that signed the files.
    pub(crate) release_key: Option<String>,
    pub(crate) artifacts: Vec<Artifact>,
}

/// A change of a published version. `None` leaves a member unchanged.
#[derive(Debug, Clone, Default)]
pub(crate) struct VersionChange {
    /// The new channel, and the new signatures by platform.
    pub(crate) channel: Option<(Channel, BTreeMap<String, String>)>,
    /// Why the version is yanked; `Some(None)` undoes it.
    pub(crate) yank_reason: Option<Option<String>>,
    pub(crate) rollout_percent: Option<u8>,
    /// What the feeds of certain updaters need, in place of all that was there.
    pub(crate) metadata: Option<Map<String, Value>>,
}

/// A version after a publication or a change.
#[derive(Debug, Clone)]
pub(crate) struct VersionOutcome {
    pub(crate) manifest: VersionManifest,
    /// True when anything is different from before.
    pub(crate) changed: bool,
    /// Members that were ignored, because the version was published with other values.
    pub(crate) ignored: Vec<String>,
    /// Whether it is the newest version, which feeds skip it, and what else to know.
    pub(crate) advice: Advice,
    /// True when the manifest is written where it is served from.
    pub(crate) written: bool,
    /// The product's index, from a server that cannot write it.
    pub(crate) index: Option<ReleaseIndex>,
}

/// The release keys of a product, after setting them.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ReleaseKeys {
    pub(crate) public_keys: Vec<String>,
    /// True when they are different from before.
    pub(crate) changed: bool,
    /// How many published files were found to be signed with one of them.
    pub(crate) verified: usize,
    /// Published files that none of them has signed; these are not offered.
    pub(crate) not_offered: Vec<UnofferedFile>,
    /// The number of those files.
    pub(crate) not_offered_count: usize,
    /// True when every published file was checked.
    pub(crate) complete: bool,
    /// True when the index is written where it is served from.
    pub(crate) written: bool,
    /// As in [`VersionOutcome`].
    pub(crate) index: Option<ReleaseIndex>,
}

/// A file that is not offered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UnofferedFile {
    pub(crate) version: String,
    pub(crate) platform: String,
}
