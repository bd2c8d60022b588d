//! Published versions. These rows are the authority; the manifest in the
//! release storage is written from them afterwards. `revision` counts what has
//! changed, `written_revision` is the state that the manifest shows at least.

use crate::columns;
use crate::operator::audit::{self, Actor, insert_into_audit};
use keywright_domain::page::Page;
use keywright_domain::release::manifest::{Artifact, FORMAT, VersionManifest, Yanked};
use keywright_domain::release::{Channel, ReleaseKey, Version};
use keywright_domain::slug::Slug;
use keywright_ports::{Database, DatabaseError, Reader, Statement, decode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Most files of one version: with the longest signatures its manifest stays
/// well below the largest that is read.
pub const MAX_FILES: usize = 64;

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
pub struct Filter {
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
    filter: &Filter,
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

/// What somebody publishes: a new version, or more files of one.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// The product.
    pub product: Slug,
    /// The version.
    pub version: Version,
    /// The channel.
    pub channel: Channel,
    /// What is new.
    pub notes: Option<String>,
    /// The commit it was built from.
    pub source_commit: Option<String>,
    /// An entitlement that a token must have.
    pub requires_entitlement: Option<String>,
    /// 100 where it is not said.
    pub rollout_percent: Option<u8>,
    /// None where it is not said.
    pub metadata: Option<Map<String, Value>>,
    /// Unix seconds; the time of publishing where it is not said.
    pub built_at: Option<i64>,
    /// The files, each platform once.
    pub files: Vec<SignedFile>,
    /// The key that becomes the product's release key where it has none.
    pub first_key: Option<ReleaseKey>,
}

/// A file whose statement a release key has signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedFile {
    /// The file.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// The key that its statement verified under.
    pub verified_by: ReleaseKey,
}

/// Ids for the rows of one publication, new `UUIDv7`s.
#[derive(Debug, Clone)]
pub struct Ids {
    /// Of the release, where it is a new one.
    pub release: String,
    /// Of the entry in the audit table.
    pub audit: String,
    /// Of the event.
    pub event: String,
    /// Of the entry of the product's first release key, where it gets one.
    pub key_audit: String,
}

/// What is recorded after a publication.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whether there is such a product.
    pub product_exists: bool,
    /// Whether something was recorded now.
    pub changed: bool,
    /// Whether the keys that the files verified under still stand.
    pub keys_stand: bool,
    /// The version as it now is; `None` when it was not published before, and
    /// not now.
    pub release: Option<Release>,
}

/// Whether the keys that the files of `$files` verified under are keys of product
/// `$product` or, where that has none, the one in `$first`.
macro_rules! keys_stand {
    ($files:literal, $product:literal, $first:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM json_each(",
            $files,
            ") j WHERE j.value ->> '$.verified_by' NOT IN (
                SELECT public_key FROM release_keys WHERE product_id = ",
            $product,
            " UNION ALL
                SELECT ",
            $first,
            " WHERE ",
            $first,
            " IS NOT NULL AND NOT EXISTS (SELECT 1 FROM release_keys WHERE product_id = ",
            $product,
            ")))"
        )
    };
}

/// Says that files are published if nothing that is recorded contradicts them,
/// the keys that they verified under stand, and one of them is new or was
/// recorded under a signature that no key stands behind: `?1` entry, `?2` time, `?3` actor, `?4` request,
/// `?5` product, `?6` version, `?7` channel, `?8` entitlement, `?9` files,
/// `?10` a new id, `?11` what is told, `?12` most files, `?13` the first key. The rest of the batch
/// hangs on this entry.
const ENTRY: &str = insert_into_audit!(
    "SELECT ?1, ?2, ?3, 'release.publish', 'release', coalesce(r.id, ?10), NULL, ?11, ?4
     FROM products p LEFT JOIN releases r ON r.product_id = p.id AND r.version = ?6
     WHERE p.slug = ?5
       AND (r.id IS NULL OR r.channel = ?7)
       AND (r.id IS NULL OR ?8 IS NULL OR r.requires_entitlement IS ?8)
       AND NOT EXISTS (SELECT 1 FROM json_each(?9) j JOIN release_files f
                       ON f.release_id = r.id AND f.platform = j.value ->> '$.platform'
                       WHERE f.sha256 <> j.value ->> '$.sha256')
       AND EXISTS (SELECT 1 FROM json_each(?9) j
                   WHERE NOT EXISTS (SELECT 1 FROM release_files f
                                     JOIN release_keys k ON k.public_key = f.verified_by
                                     WHERE f.release_id = r.id AND k.product_id = p.id
                                       AND f.platform = j.value ->> '$.platform'))
       AND (SELECT count(*) FROM release_files WHERE release_id = r.id) + (
             SELECT count(*) FROM json_each(?9) j
             WHERE NOT EXISTS (SELECT 1 FROM release_files f WHERE f.release_id = r.id
                               AND f.platform = j.value ->> '$.platform')
           ) <= ?12
       AND ",
    keys_stand!("?9", "p.id", "?13")
);

/// Records a version, or more files of one: all of the files or none. What is
/// recorded stays as it is, so publishing the same again changes nothing, and
/// of two that publish other bytes for one platform only the first succeeds.
/// Only a signature that no key stands behind is replaced, by the one of the
/// same bytes that is sent.
/// The caller compares what it wanted with [`Outcome::release`].
///
/// # Errors
/// [`DatabaseError`].
#[expect(clippy::too_many_lines, reason = "one batch, statement by statement")]
pub async fn publish(
    database: &Database,
    actor: &Actor,
    new: &NewRelease,
    ids: &Ids,
) -> Result<Outcome, DatabaseError> {
    #[derive(Deserialize)]
    struct Told {
        product_exists: i64,
        changed: i64,
        keys_stand: i64,
    }
    let files = json!(new.files).to_string();
    let first_key = new.first_key.map(|key| key.to_string());
    let (product, version) = (new.product.as_str(), new.version.as_str());
    let told: Vec<Value> = new
        .files
        .iter()
        .map(|file| &file.artifact)
        .map(|file| json!({ "platform": file.platform, "sha256": file.sha256 }))
        .collect();
    let after = json!({
        "product": product, "version": version, "channel": new.channel, "files": told
    });
    let entry = Statement::new(
        ENTRY,
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            product.into(),
            version.into(),
            new.channel.as_str().into(),
            new.requires_entitlement.as_ref().into(),
            (&files).into(),
            (&ids.release).into(),
            after.to_string().into(),
            i64::try_from(MAX_FILES).unwrap_or_default().into(),
            first_key.as_ref().into(),
        ],
    );
    let event = json!({ "product": product, "version": version, "channel": new.channel });
    let [key_entry, key] = pin_first_key(actor, first_key.as_ref(), ids);
    let batch = vec![
        entry,
        key_entry,
        key,
        insert_release(actor, new, ids),
        Statement::new(
            "INSERT INTO release_files (release_id, platform, file_name, size, sha256, sha512,
                                        signature, verified_by)
             SELECT r.id, j.value ->> '$.platform', j.value ->> '$.file_name',
                    j.value ->> '$.size_bytes', j.value ->> '$.sha256', j.value ->> '$.sha512',
                    j.value ->> '$.signature', j.value ->> '$.verified_by'
             FROM json_each(?1) j
             JOIN releases r ON r.version = ?3
                            AND r.product_id = (SELECT id FROM products WHERE slug = ?2)
             WHERE EXISTS (SELECT 1 FROM audit WHERE id = ?4)
             ON CONFLICT (release_id, platform) DO UPDATE
             SET file_name = excluded.file_name, size = excluded.size, sha512 = excluded.sha512,
                 signature = excluded.signature, verified_by = excluded.verified_by
             WHERE NOT EXISTS (SELECT 1 FROM release_keys k JOIN products p ON p.id = k.product_id
                               WHERE p.slug = ?2 AND k.public_key = release_files.verified_by)",
            [
                (&files).into(),
                product.into(),
                version.into(),
                (&ids.audit).into(),
            ],
        ),
        Statement::new(
            "UPDATE releases SET revision = revision + 1, updated_at = ?3
             WHERE version = ?2 AND product_id = (SELECT id FROM products WHERE slug = ?1)
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
            [
                product.into(),
                version.into(),
                actor.at.into(),
                (&ids.audit).into(),
            ],
        ),
        audit::event_if_changed(&ids.event, actor.at, "release.published", &event),
        Statement::new(
            concat!(
                "SELECT EXISTS (SELECT 1 FROM products WHERE slug = ?1) AS product_exists,
                    EXISTS (SELECT 1 FROM audit WHERE id = ?2) AS changed,
                    ",
                keys_stand!("?3", "(SELECT id FROM products WHERE slug = ?1)", "NULL"),
                " AS keys_stand"
            ),
            [product.into(), (&ids.audit).into(), files.into()],
        ),
        Statement::new(
            select_releases!("WHERE p.slug = ?1 AND r.version = ?2"),
            [product.into(), version.into()],
        ),
    ];
    let mut answers = database.batch(batch).await?;
    let release = decode(answers.pop().unwrap_or_default())?.pop();
    let told: Option<Told> = decode(answers.pop().unwrap_or_default())?.pop();
    Ok(Outcome {
        product_exists: told.as_ref().is_some_and(|told| told.product_exists == 1),
        keys_stand: told.as_ref().is_some_and(|told| told.keys_stand == 1),
        changed: told.is_some_and(|told| told.changed == 1),
        release,
    })
}

/// The product's first release key, and the entry that says so, where the batch
/// publishes something and the product has no key.
fn pin_first_key(actor: &Actor, key: Option<&String>, ids: &Ids) -> [Statement; 2] {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'release.keys', 'product', r.product_id,
                    json_object('keys', json_array()), json_object('keys', json_array(?4)), ?5
             FROM (SELECT p.id AS product_id FROM products p
                   JOIN audit a ON a.id = ?6 AND a.after ->> '$.product' = p.slug) AS r
             WHERE ?4 IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM release_keys WHERE product_id = r.product_id)"
        ),
        [
            (&ids.key_audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            key.into(),
            (&actor.request_id).into(),
            (&ids.audit).into(),
        ],
    );
    let key = Statement::new(
        "INSERT INTO release_keys (product_id, public_key, position, added_at)
         SELECT object_id, ?2, 0, at FROM audit WHERE id = ?1",
        [(&ids.key_audit).into(), key.into()],
    );
    [entry, key]
}

fn insert_release(actor: &Actor, new: &NewRelease, ids: &Ids) -> Statement {
    let metadata = new.metadata.clone().unwrap_or_default();
    Statement::new(
        "INSERT INTO releases (id, product_id, version, channel, notes, source_commit,
                               requires_entitlement, rollout_percent, metadata, built_at,
                               published_at, revision, written_revision, updated_at)
         SELECT ?1, p.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, ?11
         FROM products p
         WHERE p.slug = ?2 AND EXISTS (SELECT 1 FROM audit WHERE id = ?12)
         ON CONFLICT (product_id, version) DO NOTHING",
        [
            (&ids.release).into(),
            new.product.as_str().into(),
            new.version.as_str().into(),
            new.channel.as_str().into(),
            new.notes.as_ref().into(),
            new.source_commit.as_ref().into(),
            new.requires_entitlement.as_ref().into(),
            i64::from(new.rollout_percent.unwrap_or(100)).into(),
            Value::from(metadata).to_string().into(),
            new.built_at.unwrap_or(actor.at).into(),
            actor.at.into(),
            (&ids.audit).into(),
        ],
    )
}
