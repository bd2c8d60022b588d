//! Published versions. These rows are the authority; the manifest in the
//! release storage is written from them afterwards. `revision` counts what has
//! changed, `written_revision` is the state that the manifest shows at least.

use crate::columns;
use keywright_domain::page::Page;
use keywright_domain::release::manifest::{Artifact, FORMAT, VersionManifest, Yanked};
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use keywright_ports::{Database, DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A version as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Release {
    /// `UUIDv7`.
    pub id: String,
    /// Slug of the product.
    pub product: Slug,
    /// The version.
    pub version: Version,
    /// How finished it is.
    pub channel: Channel,
    /// What is new, for people.
    pub notes: Option<String>,
    /// The commit it was built from.
    pub source_commit: Option<String>,
    /// An entitlement that a token must have.
    pub requires_entitlement: Option<String>,
    /// How many in a hundred installations the feeds offer it to.
    pub rollout_percent: u8,
    /// What the feeds of certain updaters need.
    #[serde(deserialize_with = "columns::json")]
    pub metadata: Map<String, Value>,
    /// Unix seconds.
    pub built_at: i64,
    /// Unix seconds.
    pub published_at: i64,
    /// Unix seconds; set when it is not offered any more.
    pub yanked_at: Option<i64>,
    /// Why, where it is yanked.
    pub yank_reason: Option<String>,
    /// Counts the changes.
    pub revision: i64,
    /// The revision that the manifest shows at least.
    pub written_revision: i64,
    /// Unix seconds.
    pub updated_at: i64,
    /// Its files, sorted by platform.
    #[serde(deserialize_with = "columns::json")]
    pub files: Vec<Artifact>,
}

impl Release {
    /// The manifest that says what this row says.
    #[must_use]
    pub fn manifest(&self) -> VersionManifest {
        let yanked = self.yanked_at.map(|at_unix| Yanked {
            at_unix,
            reason: self.yank_reason.clone().unwrap_or_default(),
        });
        let manifest = VersionManifest {
            format: FORMAT,
            product: self.product.clone(),
            version: self.version.clone(),
            channel: self.channel,
            built_at_unix: self.built_at,
            published_at_unix: self.published_at,
            source_commit: self.source_commit.clone(),
            notes: self.notes.clone(),
            requires_entitlement: self.requires_entitlement.clone(),
            rollout_percent: self.rollout_percent,
            yanked,
            only: None,
            artifacts: self.files.clone(),
            metadata: self.metadata.clone(),
        };
        manifest.arranged()
    }
}

/// The statement that reads whole releases.
macro_rules! select_releases {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, p.slug AS product, r.version, r.channel, r.notes, r.source_commit,
                    r.requires_entitlement, r.rollout_percent, r.metadata, r.built_at,
                    r.published_at, r.yanked_at, r.yank_reason, r.revision, r.written_revision,
                    r.updated_at,
                    (SELECT json_group_array(json_object(
                              'platform', f.platform, 'file_name', f.file_name,
                              'size_bytes', f.size, 'sha256', f.sha256, 'sha512', f.sha512,
                              'signature', f.signature))
                     FROM (SELECT * FROM release_files WHERE release_id = r.id
                           ORDER BY platform) f) AS files
             FROM releases r JOIN products p ON p.id = r.product_id ",
            $rest
        )
    };
}

pub(crate) const BY_VERSION: &str = select_releases!("WHERE p.slug = ?1 AND r.version = ?2");
pub(crate) const BY_ID: &str = select_releases!("WHERE r.id = ?1");

/// The release with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<Release>, DatabaseError> {
    database.first(Statement::new(BY_ID, [id.into()])).await
}

/// Which releases; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct ReleaseFilter {
    /// Of this product.
    pub product: Option<Slug>,
    /// On this channel.
    pub channel: Option<Channel>,
    /// Of this version.
    pub version: Option<Version>,
}

/// Releases, newest first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    filter: &ReleaseFilter,
    page: &Page,
) -> Result<Vec<Release>, DatabaseError> {
    let after = page.after.as_ref();
    let statement = Statement::new(
        select_releases!(
            "WHERE (?1 IS NULL OR p.slug = ?1) AND (?2 IS NULL OR r.channel = ?2)
               AND (?3 IS NULL OR r.version = ?3)
               AND (?4 IS NULL OR (r.published_at, r.id) < (?4, ?5))
             ORDER BY r.published_at DESC, r.id DESC LIMIT ?6"
        ),
        [
            filter.product.as_ref().map(Slug::as_str).into(),
            filter.channel.map(Channel::as_str).into(),
            filter.version.as_ref().map(Version::as_str).into(),
            after.map(|position| position.at).into(),
            after.map(|position| position.id.as_str()).into(),
            (page.limit + 1).into(),
        ],
    );
    database.query(statement).await
}

/// A release whose manifest is to be written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unwritten {
    /// `UUIDv7`.
    pub id: String,
    /// The version.
    pub version: Version,
}

/// Up to five releases of a product whose manifest may not show their last
/// change.
///
/// # Errors
/// [`DatabaseError`].
pub async fn unwritten(database: &Reader, product: &Slug) -> Result<Vec<Unwritten>, DatabaseError> {
    let statement = Statement::new(
        "SELECT r.id, r.version FROM releases r JOIN products p ON p.id = r.product_id
         WHERE p.slug = ?1 AND r.written_revision < r.revision ORDER BY r.updated_at LIMIT 5",
        [product.as_str().into()],
    );
    database.query(statement).await
}

/// Notes that the manifest shows a revision.
///
/// # Errors
/// [`DatabaseError`].
pub async fn written(database: &Database, id: &str, revision: i64) -> Result<(), DatabaseError> {
    let statement = Statement::new(
        "UPDATE releases SET written_revision = ?2 WHERE id = ?1 AND written_revision < ?2",
        [id.into(), revision.into()],
    );
    database.aside(vec![statement]).await.map(drop)
}
