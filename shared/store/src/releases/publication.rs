//! Publishing: recording a version, or more files of one.

use crate::events::announcement;
use crate::operator::audit::{self, Actor, insert_into_audit};
use crate::releases::versions::{BY_VERSION, Release};
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::{Channel, ReleaseKey, Version};
use keywright_domain::slug::Slug;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Most files of one version: with the longest signatures its manifest stays
/// well below the largest that is read.
pub const MAX_FILES: i64 = 64;

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
pub struct PublicationIds {
    /// Of the release, where it is a new one.
    pub release: String,
    /// Of the entry in the audit table.
    pub audit: String,
    /// Of the event.
    pub event: String,
    /// Of the entry of the product's first release key, where it gets one.
    pub key_audit: String,
}

/// What came of publishing. Every outcome but [`Self::Published`] wrote nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum PublishOutcome {
    /// The files are recorded.
    Published {
        /// The version as it now is.
        release: Box<Release>,
        /// False where all of it was recorded before.
        changed: bool,
    },
    /// There is no such product.
    UnknownProduct,
    /// A key that a file verified under is not a release key of the product any more.
    KeysChanged,
    /// The version is published on another channel.
    OtherChannel(Box<Release>),
    /// The version asks for another entitlement.
    OtherEntitlement(Box<Release>),
    /// The version is published with other bytes for this platform.
    OtherBytes {
        /// The platform.
        platform: String,
    },
    /// The version would have more than [`MAX_FILES`] files.
    TooManyFiles,
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

/// The files of `$files` that are recorded of release `r` with other bytes.
macro_rules! other_bytes {
    ($files:literal) => {
        concat!(
            "FROM json_each(",
            $files,
            ") j JOIN release_files f
               ON f.release_id = r.id AND f.platform = j.value ->> '$.platform'
             WHERE f.sha256 <> j.value ->> '$.sha256'"
        )
    };
}

/// Why files are not published, null where they may be: the product is `p`, the version
/// `r`, or null where it is new.
macro_rules! refusal {
    ($channel:literal, $entitlement:literal, $files:literal, $most:literal, $first:literal) => {
        concat!(
            "CASE WHEN NOT (",
            keys_stand!($files, "p.id", $first),
            ") THEN 'keys_changed'
                  WHEN r.channel <> ",
            $channel,
            " THEN 'other_channel'
                  WHEN r.id IS NOT NULL AND ",
            $entitlement,
            " IS NOT NULL
                   AND r.requires_entitlement IS NOT ",
            $entitlement,
            "
                  THEN 'other_entitlement'
                  WHEN EXISTS (SELECT 1 ",
            other_bytes!($files),
            ") THEN 'other_bytes'
                  WHEN (SELECT count(*) FROM release_files WHERE release_id = r.id) + (
                         SELECT count(*) FROM json_each(",
            $files,
            ") j
                         WHERE NOT EXISTS (SELECT 1 FROM release_files f
                                           WHERE f.release_id = r.id
                                             AND f.platform = j.value ->> '$.platform')
                       ) > ",
            $most,
            "
                  THEN 'too_many_files' END"
        )
    };
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    KeysChanged,
    OtherChannel,
    OtherEntitlement,
    OtherBytes,
    TooManyFiles,
}

/// What is decided before anything is written.
#[derive(Deserialize)]
struct Decision {
    refusal: Option<Refusal>,
    /// A platform with other bytes.
    platform: Option<String>,
}

/// Reads the [`Decision`]; no row without the product. `?1` product, `?2` version, `?3`
/// channel, `?4` entitlement, `?5` files, `?6` most files, `?7` the first key.
const DECISION: &str = concat!(
    "SELECT ",
    refusal!("?3", "?4", "?5", "?6", "?7"),
    " AS refusal, (SELECT f.platform ",
    other_bytes!("?5"),
    " LIMIT 1) AS platform
     FROM products p LEFT JOIN releases r ON r.product_id = p.id AND r.version = ?2
     WHERE p.slug = ?1"
);

/// Records that files are published, unless that is refused, if one of them is new or was
/// recorded under a signature that no key stands behind: `?1` entry, `?2` time, `?3`
/// actor, `?4` request, `?5` product, `?6` version, `?7` channel, `?8` entitlement, `?9`
/// files, `?10` a new id, `?11` the entry's text, `?12` most files, `?13` the first key.
/// The rest of the batch depends on this entry.
const ENTRY: &str = insert_into_audit!(
    "SELECT ?1, ?2, ?3, 'release.publish', 'release', coalesce(r.id, ?10), NULL, ?11, ?4
     FROM products p LEFT JOIN releases r ON r.product_id = p.id AND r.version = ?6
     WHERE p.slug = ?5
       AND EXISTS (SELECT 1 FROM json_each(?9) j
                   WHERE NOT EXISTS (SELECT 1 FROM release_files f
                                     JOIN release_keys k ON k.public_key = f.verified_by
                                     WHERE f.release_id = r.id AND k.product_id = p.id
                                       AND f.platform = j.value ->> '$.platform'))
       AND ",
    refusal!("?7", "?8", "?9", "?12", "?13"),
    " IS NULL"
);

/// Records a version, or more files of one: all of the files or none. What is recorded
/// stays as it is, so publishing the same again changes nothing, and of two that publish
/// other bytes for one platform only the first succeeds. Only a signature that no key
/// stands behind is replaced, by the one of the same bytes that is sent.
#[expect(clippy::too_many_lines, reason = "one batch, statement by statement")]
pub async fn publish(
    database: &Database,
    actor: &Actor,
    new: &NewRelease,
    ids: &PublicationIds,
) -> Result<PublishOutcome, DatabaseError> {
    let files = json!(new.files).to_string();
    let first_key = new.first_key.map(|key| key.to_string());
    let (product, version) = (new.product.as_str(), new.version.as_str());
    let digests: Vec<Value> = new
        .files
        .iter()
        .map(|file| &file.artifact)
        .map(|file| json!({ "platform": file.platform, "sha256": file.sha256 }))
        .collect();
    let after = json!({
        "product": product, "version": version, "channel": new.channel, "files": digests
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
            MAX_FILES.into(),
            first_key.as_ref().into(),
        ],
    );
    let decision = Statement::new(
        DECISION,
        [
            product.into(),
            version.into(),
            new.channel.as_str().into(),
            new.requires_entitlement.as_ref().into(),
            (&files).into(),
            MAX_FILES.into(),
            first_key.as_ref().into(),
        ],
    );
    let [key_entry, key] = pin_first_key(actor, first_key.as_ref(), ids);
    let mut batch = Batch::new();
    let decision = batch.read::<Decision>(decision);
    batch.extend([entry, key_entry, key, insert_release(actor, new, ids)]);
    batch.extend([
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
    ]);
    batch.write(Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?3,
                json_object('release_id', r.id, 'product_id', r.product_id, 'product', p.slug,
                            'version', r.version, 'channel', r.channel)
         FROM releases r JOIN products p ON p.id = r.product_id
         WHERE p.slug = ?4 AND r.version = ?5 AND changes() > 0",
        [
            (&ids.event).into(),
            actor.at.into(),
            EventType::ReleasePublished.as_str().into(),
            product.into(),
            version.into(),
        ],
    ));
    batch.write(announcement::of_entry(&ids.key_audit));
    let changed = batch.read::<Row>(audit::select_id(&ids.audit));
    let release = batch.read(Statement::new(BY_VERSION, [product.into(), version.into()]));
    let mut rows = batch.run(database).await?;
    let Some(Decision { refusal, platform }) = rows.first(decision)? else {
        return Ok(PublishOutcome::UnknownProduct);
    };
    Ok(match refusal {
        None => PublishOutcome::Published {
            release: Box::new(rows.one(release)?),
            changed: rows.any(changed)?,
        },
        Some(Refusal::KeysChanged) => PublishOutcome::KeysChanged,
        Some(Refusal::OtherChannel) => PublishOutcome::OtherChannel(Box::new(rows.one(release)?)),
        Some(Refusal::OtherEntitlement) => {
            PublishOutcome::OtherEntitlement(Box::new(rows.one(release)?))
        }
        Some(Refusal::OtherBytes) => PublishOutcome::OtherBytes {
            platform: platform.unwrap_or_default(),
        },
        Some(Refusal::TooManyFiles) => PublishOutcome::TooManyFiles,
    })
}

/// The product's first release key, and the entry that says so, where the batch
/// publishes something and the product has no key.
fn pin_first_key(actor: &Actor, key: Option<&String>, ids: &PublicationIds) -> [Statement; 2] {
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

fn insert_release(actor: &Actor, new: &NewRelease, ids: &PublicationIds) -> Statement {
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
