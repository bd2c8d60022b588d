//! What an operator asks for: reading blocks again, and moving the cursor.

use super::chain_cursors::{self, BlockPosition};
use super::chain_jobs::{ChainJob, JobKind, select_jobs};
use super::usdc_orders::ChainToken;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::page::{Page, Position};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::json;

/// Statements that [`move_cursor`] takes.
pub const STATEMENTS_TO_MOVE: usize = 6;

/// What an operator wants done.
#[derive(Debug, Clone)]
pub struct JobRequest<'a> {
    /// [`JobKind::Range`], [`JobKind::Transaction`] or [`JobKind::Cursor`].
    pub kind: JobKind,
    /// The transaction, for [`JobKind::Transaction`]; then both blocks are 0.
    pub tx_hash: Option<&'a str>,
    /// The first block; the one that the cursor is moved to.
    pub first_block: i64,
    /// The last block.
    pub last_block: i64,
    /// A note.
    pub note: Option<&'a str>,
}

/// Records what an operator wants done, with the audit entry. While the same is to be
/// done already, nothing is recorded, and that is answered.
///
/// # Errors
/// [`DatabaseError`].
pub async fn request(
    database: &Database,
    actor: &Actor,
    request: &JobRequest<'_>,
    [id, audit_id]: [&str; 2],
) -> Result<Option<ChainJob>, DatabaseError> {
    // The column has no word for one transaction: the row names it.
    let kind = match request.kind {
        JobKind::Transaction => JobKind::Block,
        other => other,
    };
    let insert = Statement::new(
        "INSERT INTO chain_jobs (id, kind, first_block, last_block, state, next_block,
                                 next_transaction, failures, note, due_at, requested_by,
                                 requested_at, step_id, tx_hash)
         SELECT ?1, ?2, ?3, ?4, 'open', ?3, 0, 0, ?5, ?6, ?7, ?6, ?1, ?8
         WHERE NOT EXISTS (SELECT 1 FROM chain_jobs
                           WHERE state = 'open' AND kind = ?2 AND first_block = ?3
                             AND last_block = ?4 AND tx_hash IS ?8)",
        [
            id.into(),
            kind.as_str().into(),
            request.first_block.into(),
            request.last_block.into(),
            request.note.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            request.tx_hash.into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id.to_owned(),
        action: match request.kind {
            JobKind::Cursor => "chain.move_cursor",
            JobKind::Range | JobKind::Block | JobKind::Transaction => "chain.read_again",
        },
        object_kind: "chain_job",
        object_id: id.to_owned(),
        before: None,
        after: Some(json!({
            "first_block": request.first_block, "last_block": request.last_block,
            "tx_hash": request.tx_hash, "note": request.note,
        })),
    };
    let entry = audit::insert_if_changed(actor, entry);
    let found = Statement::new(
        select_jobs!(
            "WHERE state = 'open' AND chain_jobs.kind = ?1 AND first_block = ?2
               AND last_block = ?3 AND tx_hash IS ?4
             ORDER BY requested_at LIMIT 1"
        ),
        [
            kind.as_str().into(),
            request.first_block.into(),
            request.last_block.into(),
            request.tx_hash.into(),
        ],
    );
    let mut batch = Batch::new();
    batch.extend([insert, entry]);
    let found = batch.read(found);
    batch.run(database).await?.first(found)
}

/// Where reading stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChainStatus {
    /// EIP-155.
    pub chain_id: i64,
    /// Address of the contract, lower case.
    pub token: String,
    /// The last block that was read.
    pub block: i64,
    /// Its time, in unix seconds.
    pub block_time: i64,
    /// Groups of addresses that are read a second time.
    pub groups: i64,
    /// The last block that was read a second time for each of them.
    pub second_block: Option<i64>,
}

/// Where reading stands, of each token, and the work, newest first; one more than the
/// page holds when there is more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    page: &Page,
) -> Result<(Vec<ChainStatus>, Vec<ChainJob>), DatabaseError> {
    let standing = Statement::new(
        "SELECT c.chain_id, c.token, c.block, c.block_time,
                (SELECT count(*) FROM chain_groups g
                 WHERE g.chain_id = c.chain_id AND g.token = c.token AND g.is_watched = 1) AS groups,
                (SELECT min(block) FROM chain_groups g
                 WHERE g.chain_id = c.chain_id AND g.token = c.token AND g.is_watched = 1)
                AS second_block
         FROM chain_cursors c ORDER BY c.chain_id, c.token",
        [],
    );
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let jobs = Statement::new(
        select_jobs!(
            "WHERE (requested_at, id) < (?1, ?2) ORDER BY requested_at DESC, id DESC LIMIT ?3"
        ),
        [after.at.into(), after.id.into(), (page.limit + 1).into()],
    );
    let standing = database.query(standing).await?;
    Ok((standing, database.query(jobs).await?))
}

/// Moves the cursor, and every group with it, to a block that counts as read. Answers
/// whether it did: another tick may have been first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn move_cursor(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    [from, job]: [&str; 2],
    to: &BlockPosition,
    step_id: &str,
) -> Result<bool, DatabaseError> {
    let place = || {
        vec![
            market.chain_id.into(),
            (&market.token).into(),
            step_id.into(),
            to.block.into(),
        ]
    };
    let mut moved = place();
    moved.extend([
        (&to.block_hash).into(),
        to.block_time.into(),
        actor.at.into(),
        from.into(),
        job.into(),
    ]);
    let moved = Statement::new(
        "UPDATE chain_cursors
         SET block = ?4, block_hash = ?5, block_time = ?6, step_id = ?3, updated_at = ?7
         WHERE chain_id = ?1 AND token = ?2 AND step_id = ?8
           AND EXISTS (SELECT 1 FROM chain_jobs WHERE id = ?9 AND state = 'open')
         RETURNING block",
        moved,
    );
    let forgotten = Statement::new(
        "DELETE FROM chain_checkpoints
         WHERE chain_id = ?1 AND token = ?2 AND block > ?4
           AND EXISTS (SELECT 1 FROM chain_cursors
                       WHERE chain_id = ?1 AND token = ?2 AND step_id = ?3)",
        place(),
    );
    let mut groups = place();
    groups.push(to.block_time.into());
    let groups = Statement::new(
        "UPDATE chain_groups
         SET block = ?4, block_time = ?5, failures = 0, due_at = 0,
             step_id = ?3 || ':' || group_number
         WHERE chain_id = ?1 AND token = ?2
           AND EXISTS (SELECT 1 FROM chain_cursors
                       WHERE chain_id = ?1 AND token = ?2 AND step_id = ?3)",
        groups,
    );
    let done = Statement::new(
        "UPDATE chain_jobs SET state = 'done', details = NULL, ended_at = ?2, step_id = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM chain_cursors WHERE step_id = ?3)",
        [job.into(), actor.at.into(), step_id.into()],
    );
    let calmed = Statement::new(
        "UPDATE attention SET resolved_at = ?3, resolved_by = ?4
         WHERE kind = 'usdc_chain_replaced' AND object_kind = 'chain' AND object_id = ?1
           AND resolved_at IS NULL
           AND EXISTS (SELECT 1 FROM chain_cursors WHERE step_id = ?2)",
        [
            market.chain_id.to_string().into(),
            step_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
        ],
    );
    let checkpoint = chain_cursors::checkpoint(market, to, step_id);
    let mut batch = Batch::new();
    let moved = batch.read(moved);
    batch.extend([forgotten, groups, done, calmed, checkpoint]);
    batch.run(database).await?.any(moved)
}
