//! A release as the operator sees it.

use keywright_domain::dates::rfc3339;
use keywright_domain::release::advice::{Advice, SkipReason, SkippingFeed};
use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::updaters::Updater;
use keywright_domain::release::{ReleaseIndex, Version};
use keywright_store::releases::versions::Release;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A published version.
#[derive(Serialize, ToSchema)]
#[schema(as = Release)]
pub(crate) struct ReleaseView {
    /// UUID.
    pub(super) id: String,
    /// Slug of the product.
    #[schema(value_type = String, example = "demo")]
    product: String,
    /// The version.
    #[schema(example = "1.2.0")]
    version: String,
    /// `stable`, `rc`, `beta`, `alpha` or `dev`.
    channel: &'static str,
    /// What is new; null when nothing was said.
    #[schema(required)]
    notes: Option<String>,
    /// The commit it was built from.
    #[schema(required)]
    source_commit: Option<String>,
    /// An entitlement that a token must have for this version.
    #[schema(required)]
    requires_entitlement: Option<String>,
    /// How many in a hundred installations the feeds offer it to.
    rollout_percent: u8,
    /// What the feeds of certain updaters need.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// When it was built; RFC 3339. Counts for a license's maintenance.
    built_at: String,
    /// RFC 3339.
    published_at: String,
    /// When it was taken back; null while it is offered.
    #[schema(required)]
    yanked_at: Option<String>,
    /// Why it was taken back.
    #[schema(required)]
    yank_reason: Option<String>,
    /// RFC 3339.
    updated_at: String,
    /// Its files, by platform.
    files: Vec<FileView>,
}

/// One file of a version.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleaseFile)]
pub(crate) struct FileView {
    /// What it runs on.
    #[schema(example = "x86_64-unknown-linux-gnu")]
    platform: String,
    /// The name it is saved under.
    file_name: String,
    /// Its size in bytes.
    size_bytes: u64,
    /// SHA-256 in hex.
    sha256: String,
    /// SHA-512 in hex.
    sha512: String,
    /// The vendor's signature file.
    signature: String,
}

impl From<Artifact> for FileView {
    fn from(file: Artifact) -> Self {
        Self {
            platform: file.platform.into(),
            file_name: file.file_name.into(),
            size_bytes: file.size_bytes,
            sha256: file.sha256.into(),
            sha512: file.sha512.into(),
            signature: file.signature,
        }
    }
}

impl From<Release> for ReleaseView {
    fn from(release: Release) -> Self {
        Self {
            id: release.id,
            product: release.product.into(),
            version: release.version.into(),
            channel: release.channel.as_str(),
            notes: release.notes,
            source_commit: release.source_commit,
            requires_entitlement: release.requires_entitlement,
            rollout_percent: release.rollout_percent,
            metadata: release.metadata,
            built_at: rfc3339(release.built_at),
            published_at: rfc3339(release.published_at),
            yanked_at: release.yanked_at.map(rfc3339),
            yank_reason: release.yank_reason,
            updated_at: rfc3339(release.updated_at),
            files: release.files.into_iter().map(FileView::from).collect(),
        }
    }
}

/// A feed that passes a version over.
#[derive(Serialize, ToSchema)]
#[schema(as = SkippingFeed)]
pub(crate) struct SkippingFeedView {
    /// `electron`, `sparkle` or `tauri`.
    #[schema(value_type = String, example = "electron")]
    updater: Updater,
    /// `not_semantic_versioning` or `build_version_missing`.
    #[schema(value_type = String, example = "not_semantic_versioning")]
    reason: SkipReason,
}

impl From<SkippingFeed> for SkippingFeedView {
    fn from(skip: SkippingFeed) -> Self {
        Self {
            updater: skip.updater,
            reason: skip.reason,
        }
    }
}

/// A release after a change, and its manifest.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordedRelease {
    /// The release as it now is.
    pub(super) release: ReleaseView,
    /// Whether this request changed anything.
    pub(super) changed: bool,
    /// Members that were sent and not taken over, because the version had
    /// others when its first file was published.
    pub(super) ignored: Vec<&'static str>,
    /// The newest version on the release's channel that has one of its platforms, once it
    /// is offered to everybody; null where none is offered.
    #[schema(required, value_type = Option<String>)]
    pub(super) newest: Option<Version>,
    /// Feeds that pass the version over, and why.
    pub(super) skipped_by: Vec<SkippingFeedView>,
    /// What to know and to do about the version, for people.
    pub(super) notices: Vec<String>,
    /// Whether the manifest is in the release storage. `false` on a host that
    /// cannot write there: put `manifest` into the mounted folder, as
    /// `<product>/<version>/MANIFEST.json`.
    pub(super) written: bool,
    /// The version's manifest.
    #[schema(value_type = Object)]
    pub(super) manifest: VersionManifest,
    /// Where `written` is `false`: what is offered of each version, for the
    /// `<product>/INDEX.json` of the mounted folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub(super) index: Option<ReleaseIndex>,
}

impl RecordedRelease {
    pub(super) fn new(release: Release, changed: bool, written: bool, advice: Advice) -> Self {
        let skipped_by = advice.skipped_by.into_iter();
        Self {
            manifest: release.manifest(),
            release: release.into(),
            changed,
            ignored: Vec::new(),
            newest: advice.newest,
            skipped_by: skipped_by.map(SkippingFeedView::from).collect(),
            notices: advice.notices,
            written,
            index: None,
        }
    }
}
