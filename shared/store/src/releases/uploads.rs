//! Files on their way into the release storage, in parts that follow one
//! another. A row knows how much has arrived and the state of the digest of
//! that, so that any instance takes the next part.

use crate::columns;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::release::statement::Sha256Hex;
use keywright_domain::slug::Slug;
use keywright_ports::{Batch, Database, DatabaseError, Part, Reader, Statement};
use serde::Deserialize;
use serde_json::json;

/// An upload as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Upload {
    /// `UUIDv7`.
    pub id: String,
    /// Slug of the product.
    pub product: Slug,
    /// What the digest has to be.
    pub sha256: Sha256Hex,
    /// Bytes of the whole file.
    pub size: i64,
    /// Bytes that have arrived.
    pub received: i64,
    /// The release storage's name for the upload.
    pub storage_ref: String,
    /// What is stored.
    #[serde(deserialize_with = "columns::json")]
    pub parts: Vec<Part>,
    /// State of the digest of what has arrived, in hex.
    pub hash_state: String,
    /// Unix seconds; set when the file is whole and its digest was right.
    pub completed_at: Option<i64>,
    /// Unix seconds.
    pub created_at: i64,
}

/// The statement that reads whole uploads.
macro_rules! select_uploads {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, p.slug AS product, u.sha256, u.size, u.received, u.storage_ref, u.parts,
                    u.hash_state, u.completed_at, u.created_at
             FROM uploads u JOIN products p ON p.id = u.product_id ",
            $rest
        )
    };
}

/// The upload with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<Upload>, DatabaseError> {
    let statement = Statement::new(select_uploads!("WHERE u.id = ?1"), [id.into()]);
    database.first(statement).await
}

/// The upload of a file, where one was begun.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(
    database: &Reader,
    product: &Slug,
    sha256: &Sha256Hex,
) -> Result<Option<Upload>, DatabaseError> {
    let statement = Statement::new(
        select_uploads!("WHERE p.slug = ?1 AND u.sha256 = ?2"),
        [product.as_str().into(), sha256.as_str().into()],
    );
    database.first(statement).await
}

/// Up to five uploads that were begun before this unix second.
///
/// # Errors
/// [`DatabaseError`].
pub async fn begun_before(database: &Reader, at: i64) -> Result<Vec<Upload>, DatabaseError> {
    let statement = Statement::new(
        select_uploads!("WHERE u.updated_at < ?1 ORDER BY u.updated_at LIMIT 5"),
        [at.into()],
    );
    database.query(statement).await
}

/// Records an upload that begins, unless somebody else began one of the same
/// file. Answers the one that is recorded then: the caller's own by its id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn begin(
    database: &Database,
    actor: &Actor,
    new: &Upload,
    audit_id: String,
) -> Result<Option<Upload>, DatabaseError> {
    let (product, sha256) = (new.product.as_str(), new.sha256.as_str());
    let insert = Statement::new(
        "INSERT INTO uploads (id, product_id, sha256, size, received, storage_ref, parts,
                              hash_state, created_at, updated_at)
         SELECT ?1, p.id, ?3, ?4, 0, ?5, '[]', ?6, ?7, ?7 FROM products p WHERE p.slug = ?2
         ON CONFLICT (product_id, sha256) DO NOTHING",
        [
            (&new.id).into(),
            product.into(),
            sha256.into(),
            new.size.into(),
            (&new.storage_ref).into(),
            (&new.hash_state).into(),
            new.created_at.into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id,
        action: "upload.begin",
        object_kind: "upload",
        object_id: new.id.clone(),
        before: None,
        after: Some(json!({ "product": product, "sha256": sha256, "size": new.size })),
    };
    let mut batch = Batch::new();
    batch.extend([insert, audit::insert_if_changed(actor, entry)]);
    let recorded = batch.read(Statement::new(
        select_uploads!("WHERE p.slug = ?1 AND u.sha256 = ?2"),
        [product.into(), sha256.into()],
    ));
    batch.run(database).await?.first(recorded)
}

/// Records what `next` says has arrived, if nothing has arrived since `before`
/// was read. Answers the upload as it now is; `None` when it was forgotten
/// meanwhile.
///
/// # Errors
/// [`DatabaseError`].
pub async fn advance(
    database: &Database,
    before: &Upload,
    next: &Upload,
    now: i64,
) -> Result<Option<Upload>, DatabaseError> {
    let mut batch = Batch::new();
    batch.write(Statement::new(
        "UPDATE uploads SET received = ?3, parts = ?4, hash_state = ?5, completed_at = ?6,
                            updated_at = ?7
         WHERE id = ?1 AND received = ?2 AND completed_at IS NULL",
        [
            (&before.id).into(),
            before.received.into(),
            next.received.into(),
            json!(next.parts).to_string().into(),
            (&next.hash_state).into(),
            next.completed_at.into(),
            now.into(),
        ],
    ));
    let upload = batch.read(Statement::new(
        select_uploads!("WHERE u.id = ?1"),
        [(&before.id).into()],
    ));
    batch.run(database).await?.first(upload)
}

/// Forgets an upload.
///
/// # Errors
/// [`DatabaseError`].
pub async fn forget(database: &Database, id: &str) -> Result<(), DatabaseError> {
    let statement = Statement::new("DELETE FROM uploads WHERE id = ?1", [id.into()]);
    database.batch(vec![statement]).await.map(drop)
}
