//! What is published, and what is to change of it.

use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::{Channel, ReleaseIndex, Version};
use keywright_domain::slug::Slug;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A published version.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Its id at the server; `None` in a folder.
    pub(crate) id: Option<String>,
    /// What it consists of.
    pub(crate) manifest: VersionManifest,
}

/// What is to be published.
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

/// What is to change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Change {
    /// Another channel, and the new signatures by platform.
    pub(crate) channel: Option<(Channel, BTreeMap<String, String>)>,
    /// Why it is taken back; `Some(None)`: it is offered again.
    pub(crate) yank_reason: Option<Option<String>>,
    pub(crate) rollout_percent: Option<u8>,
}

/// What is published afterwards.
#[derive(Debug, Clone)]
pub(crate) struct Changed {
    pub(crate) manifest: VersionManifest,
    /// Whether anything is new.
    pub(crate) changed: bool,
    /// Members that were not taken over, because the version had others.
    pub(crate) ignored: Vec<String>,
    /// Whether the manifest is where it is served from.
    pub(crate) written: bool,
    /// What is offered of each version, by a server that cannot write it.
    pub(crate) index: Option<ReleaseIndex>,
}

/// The release keys of a product after they were set.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Keys {
    pub(crate) public_keys: Vec<String>,
    /// Whether they are others than before.
    pub(crate) changed: bool,
    /// How many files of before were found to be signed with one of them.
    pub(crate) verified: usize,
    /// Files that none of them has signed.
    pub(crate) not_offered: Vec<NotOffered>,
    /// How many those are.
    pub(crate) not_offered_count: usize,
    /// Whether every file was looked at.
    pub(crate) complete: bool,
    /// Whether the index is where it is served from.
    pub(crate) written: bool,
    /// As in [`Changed`].
    pub(crate) index: Option<ReleaseIndex>,
}

/// A file of a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NotOffered {
    pub(crate) version: String,
    pub(crate) platform: String,
}
