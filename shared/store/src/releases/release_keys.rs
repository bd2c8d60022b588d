//! The vendor's public release keys of a product, and which recorded files they
//! have signed. A file is offered while the key that its statement verified
//! under stands; a product without keys offers what was recorded before.

use crate::columns;
use crate::events::announcement;
use crate::operator::audit::{self, Actor, insert_into_audit};
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::{Channel, ReleaseKey, Version};
use keywright_domain::slug::Slug;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Most files that [`unsigned`] answers at once.
pub const FILES_AT_ONCE: i64 = 500;

/// A product and its keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProductKeys {
    /// Id of the product.
    pub product_id: String,
    /// In the order they were set in.
    #[serde(deserialize_with = "columns::json")]
    pub keys: Vec<ReleaseKey>,
}

/// Whether a file `f` of a release `r` may be offered: the key that it verified
/// under stands, or the product has no keys at all.
macro_rules! is_offered {
    () => {
        "(f.verified_by IN (SELECT public_key FROM release_keys WHERE product_id = r.product_id)
          OR NOT EXISTS (SELECT 1 FROM release_keys WHERE product_id = r.product_id))"
    };
}
pub(crate) use is_offered;

/// The statement that reads the keys of a product `p`.
macro_rules! select_keys {
    ($rest:literal) => {
        concat!(
            "SELECT p.id AS product_id,
                    (SELECT json_group_array(public_key)
                     FROM (SELECT public_key FROM release_keys WHERE product_id = p.id
                           ORDER BY position)) AS keys
             FROM products p ",
            $rest
        )
    };
}

/// The keys of a product; `None` when there is no such product.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(database: &Reader, product: &Slug) -> Result<Option<ProductKeys>, DatabaseError> {
    let sql = select_keys!("WHERE p.slug = ?1");
    database
        .first(Statement::new(sql, [product.as_str().into()]))
        .await
}

/// Replaces the keys of a product. Answers them as they now are, and whether
/// something changed; `None` when there is no such product.
///
/// # Errors
/// [`DatabaseError`].
pub async fn set(
    database: &Database,
    actor: &Actor,
    product: &Slug,
    keys: &[ReleaseKey],
    audit_id: &str,
) -> Result<Option<(ProductKeys, bool)>, DatabaseError> {
    let keys = json!(keys).to_string();
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'release.keys', 'product', o.product_id,
                    json_object('keys', json(o.keys)), json_object('keys', json(?5)), ?6
             FROM (",
            select_keys!("WHERE p.slug = ?4"),
            ") AS o WHERE o.keys IS NOT ?5"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            product.as_str().into(),
            (&keys).into(),
            (&actor.request_id).into(),
        ],
    );
    let mut batch = Batch::new();
    batch.write(entry);
    batch.write(Statement::new(
        "DELETE FROM release_keys
         WHERE product_id = (SELECT object_id FROM audit WHERE id = ?1)",
        [audit_id.into()],
    ));
    batch.write(Statement::new(
        "INSERT INTO release_keys (product_id, public_key, position, added_at)
         SELECT a.object_id, k.value, k.key, a.at
         FROM audit a JOIN json_each(?2) k WHERE a.id = ?1",
        [audit_id.into(), keys.into()],
    ));
    batch.write(announcement::of_entry(audit_id));
    let changed = batch.read::<Row>(audit::select_id(audit_id));
    let keys = batch.read::<ProductKeys>(Statement::new(
        select_keys!("WHERE p.slug = ?1"),
        [product.as_str().into()],
    ));
    let mut rows = batch.run(database).await?;
    let changed = rows.any(changed)?;
    Ok(rows.first(keys)?.map(|keys| (keys, changed)))
}

/// A recorded file, and where it is in [`unsigned`]'s order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedFile {
    /// Id of the release.
    pub release_id: String,
    /// The version.
    pub version: Version,
    /// The channel.
    pub channel: Channel,
    /// The file.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// Up to [`FILES_AT_ONCE`] files of a product that verified under none of these
/// keys so far, after the given one, in the order of their releases' ids.
///
/// # Errors
/// [`DatabaseError`].
pub async fn unsigned(
    database: &Reader,
    product_id: &str,
    keys: &[ReleaseKey],
    after: Option<&RecordedFile>,
) -> Result<Vec<RecordedFile>, DatabaseError> {
    let statement = Statement::new(
        "SELECT r.id AS release_id, r.version, r.channel, f.platform, f.file_name,
                f.size AS size_bytes, f.sha256, f.sha512, f.signature
         FROM releases r JOIN release_files f ON f.release_id = r.id
         WHERE r.product_id = ?1
           AND (f.verified_by IS NULL OR f.verified_by NOT IN (SELECT value FROM json_each(?2)))
           AND (r.id, f.platform) > (?3, ?4)
         ORDER BY r.id, f.platform LIMIT ?5",
        [
            product_id.into(),
            json!(keys).to_string().into(),
            after.map_or("", |file| &file.release_id).into(),
            after
                .map_or("", |file| file.artifact.platform.as_str())
                .into(),
            FILES_AT_ONCE.into(),
        ],
    );
    database.query(statement).await
}

/// That a recorded signature verified.
#[derive(Debug, Clone, Serialize)]
pub struct Verified {
    /// Id of the release.
    pub release_id: String,
    /// The file's platform.
    pub platform: String,
    /// The signature that verified.
    pub signature: String,
    /// The key that it verified under.
    pub verified_by: ReleaseKey,
}

/// Notes which key recorded signatures verified under, where they are still the
/// recorded ones. Says nothing of whether that key stands.
///
/// # Errors
/// [`DatabaseError`].
pub async fn note(database: &Database, verified: &[Verified]) -> Result<(), DatabaseError> {
    let statement = Statement::new(
        "UPDATE release_files SET verified_by = v.value ->> '$.verified_by'
         FROM json_each(?1) AS v
         WHERE release_files.release_id = v.value ->> '$.release_id'
           AND release_files.platform = v.value ->> '$.platform'
           AND release_files.signature = v.value ->> '$.signature'",
        [json!(verified).to_string().into()],
    );
    database.aside(vec![statement]).await.map(drop)
}
