//! What is published, and what is to change of it.

use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
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
}
