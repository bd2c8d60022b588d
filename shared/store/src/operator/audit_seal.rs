//! The sealed audit log: its leaves, the head of its tree, and the checkpoint that was
//! signed last.
//!
//! Leaves are only ever added, each position once, so that the root of every size is fixed
//! when its leaves are. That is why signing the same size twice signs the same root.

use keywright_domain::audit_log::leaf::{StoredEntry, VERSION};
use keywright_domain::audit_log::tree::{Hash, TreeHead, write_hash};
use keywright_domain::audit_log::verdict::ServedLeaf;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::Deserialize;

/// The tree as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StoredTree {
    /// The name of the log, fixed at the first seal.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// As of [`TreeHead::frontier`].
    pub frontier: String,
    /// The size that was signed last; 0 for none.
    pub signed_size: u64,
    /// The checkpoint of that size.
    pub note: Option<String>,
}

impl StoredTree {
    /// The head of the tree.
    ///
    /// # Errors
    /// [`DatabaseError::Row`] where size and frontier contradict each other.
    pub fn head(&self) -> Result<TreeHead, DatabaseError> {
        TreeHead::read(self.size, &self.frontier).ok_or_else(|| {
            DatabaseError::Row("audit_tree: the frontier is not that of its size".to_owned())
        })
    }
}

/// Where sealing stands.
#[derive(Debug)]
pub struct SealState {
    /// The tree; `None` before the first seal.
    pub tree: Option<StoredTree>,
    /// True when an entry has no leaf yet.
    pub has_unsealed: bool,
}

/// A leaf for an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendedLeaf {
    /// The sequence of the entry.
    pub sequence: i64,
    /// Its hash.
    pub hash: Hash,
}

/// The columns of a [`StoredEntry`] of the table `a`.
macro_rules! stored_entry {
    () => {
        "a.sequence, coalesce(a.id, '') AS id, a.at, a.actor, a.action, a.object_kind, a.object_id,
         a.request_id, a.before, a.after, a.salt, a.content_digest"
    };
}
pub(crate) use stored_entry;

fn select_tree() -> Statement {
    Statement::new(
        "SELECT origin, size, frontier, signed_size, note FROM audit_tree",
        [],
    )
}

/// The tree; `None` before the first seal.
///
/// # Errors
/// [`DatabaseError`].
pub async fn tree(database: &Reader) -> Result<Option<StoredTree>, DatabaseError> {
    database.first(select_tree()).await
}

/// Where sealing stands: one round trip, which reads no entry.
///
/// # Errors
/// [`DatabaseError`].
pub async fn state(database: &Database) -> Result<SealState, DatabaseError> {
    let mut batch = Batch::new();
    let tree = batch.read(select_tree());
    let unsealed = batch.read::<Row>(Statement::new(
        "SELECT 1 AS one FROM audit
         WHERE sequence > coalesce((SELECT sealed_to FROM audit_tree), 0) LIMIT 1",
        [],
    ));
    let mut rows = batch.run_aside(database).await?;
    Ok(SealState {
        tree: rows.first(tree)?,
        has_unsealed: rows.any(unsealed)?,
    })
}

/// Up to `most` entries that have no leaf yet, in order.
///
/// # Errors
/// [`DatabaseError`].
pub async fn unsealed(database: &Reader, most: u32) -> Result<Vec<StoredEntry>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT ",
            stored_entry!(),
            " FROM audit a WHERE a.sequence > coalesce((SELECT sealed_to FROM audit_tree), 0)
             ORDER BY a.sequence LIMIT ?1"
        ),
        [i64::from(most).into()],
    );
    database.query(statement).await
}

/// Adds leaves to a tree of the size `from`, whose head is then `head`; writes nothing if
/// the tree has another size by now. `origin` is the name of a log that is not sealed yet.
///
/// # Errors
/// [`DatabaseError`].
pub async fn append(
    database: &Database,
    origin: &str,
    from: u64,
    head: &TreeHead,
    leaves: &[AppendedLeaf],
) -> Result<(), DatabaseError> {
    let rows: Vec<_> = (from..)
        .zip(leaves)
        .map(|(position, leaf)| {
            serde_json::json!([position, leaf.sequence, write_hash(&leaf.hash)])
        })
        .collect();
    let sealed_to = leaves.last().map(|leaf| leaf.sequence);
    let mut batch = Batch::new();
    batch.extend([
        Statement::new(
            "INSERT INTO audit_tree (one, origin, size, frontier, sealed_to, signed_size, pruned_to)
             VALUES (1, ?1, 0, '', 0, 0, 0) ON CONFLICT DO NOTHING",
            [origin.into()],
        ),
        Statement::new(
            "UPDATE audit_tree SET size = ?2, frontier = ?3, sealed_to = ?4 WHERE size = ?1",
            [
                from.cast_signed().into(),
                head.size().cast_signed().into(),
                head.frontier().into(),
                sealed_to.into(),
            ],
        ),
        Statement::new(
            "INSERT INTO audit_leaves (position, sequence, version, hash)
             SELECT value ->> '$[0]', value ->> '$[1]', ?2, value ->> '$[2]'
             FROM json_each(?1) WHERE changes() > 0",
            [
                serde_json::Value::from(rows).to_string().into(),
                VERSION.into(),
            ],
        ),
    ]);
    batch.run_aside(database).await.map(drop)
}

/// Stores a checkpoint, unless one of this size or a later one is stored.
///
/// # Errors
/// [`DatabaseError`].
pub async fn store_checkpoint(
    database: &Database,
    size: u64,
    note: &str,
    at: i64,
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE audit_tree SET signed_size = ?1, note = ?2, signed_at = ?3
         WHERE signed_size < ?1 AND size >= ?1",
        [size.cast_signed().into(), note.into(), at.into()],
    );
    database.aside(vec![update]).await.map(drop)
}

/// Leaves with their entries, and behind the last leaf what is not sealed.
#[derive(Debug)]
pub struct LeafPage {
    /// The size of the tree.
    pub size: u64,
    /// In order.
    pub leaves: Vec<ServedLeaf>,
    /// Entries without a leaf, in order; empty unless the page holds the last leaf.
    pub unsealed: Vec<StoredEntry>,
}

/// Most entries without a leaf that are read at once.
const UNSEALED: i64 = 500;

#[derive(Deserialize)]
struct LeafRow {
    position: u64,
    leaf_sequence: i64,
    version: i64,
    hash: String,
    /// Of the entry: `NULL` where it is not there.
    sequence: Option<i64>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct SizeRow {
    size: u64,
}

/// Up to `limit` leaves from the index `from` on: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn leaves(database: &Database, from: i64, limit: i64) -> Result<LeafPage, DatabaseError> {
    let mut batch = Batch::new();
    let size = batch.read::<SizeRow>(Statement::new(
        "SELECT coalesce((SELECT size FROM audit_tree), 0) AS size",
        [],
    ));
    let leaves = batch.read::<LeafRow>(Statement::new(
        concat!(
            "SELECT l.position, l.sequence AS leaf_sequence, l.version, l.hash, ",
            stored_entry!(),
            " FROM audit_leaves l LEFT JOIN audit a ON a.sequence = l.sequence
             WHERE l.position >= ?1 ORDER BY l.position LIMIT ?2"
        ),
        [from.into(), limit.into()],
    ));
    let unsealed = batch.read(Statement::new(
        concat!(
            "SELECT ",
            stored_entry!(),
            " FROM audit a
             WHERE NOT EXISTS (SELECT 1 FROM audit_leaves l WHERE l.sequence = a.sequence)
               AND NOT EXISTS (SELECT 1 FROM audit_leaves l WHERE l.position >= ?1)
             ORDER BY a.sequence LIMIT ?2"
        ),
        [(from + limit).into(), UNSEALED.into()],
    ));
    let mut rows = batch.run(database).await?;
    let served = rows.all(leaves)?.into_iter().map(LeafRow::served);
    Ok(LeafPage {
        size: rows.one(size)?.size,
        leaves: served.collect::<Result<_, _>>()?,
        unsealed: rows.all(unsealed)?,
    })
}

impl LeafRow {
    fn served(mut self) -> Result<ServedLeaf, DatabaseError> {
        let entry = match self.sequence {
            None => None,
            Some(sequence) => {
                self.rest.insert("sequence".to_owned(), sequence.into());
                let entry = serde_json::from_value(self.rest.into());
                Some(entry.map_err(|error| DatabaseError::Row(error.to_string()))?)
            }
        };
        Ok(ServedLeaf {
            index: self.position,
            sequence: self.leaf_sequence,
            version: self.version,
            hash: self.hash,
            entry,
            withheld: false,
        })
    }
}
