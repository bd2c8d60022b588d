//! Chain jobs: work beside following the chain with the cursor. Jobs read blocks whose
//! logs no endpoint returns, read blocks again for the operator, and move the cursor. A
//! failed job is retried with growing pauses while other work goes on, and is then
//! reported to the operator. Reading a block again records no transfer twice.

use crate::chain::chain_cursors::BlockPosition;
use crate::chain::transfers::{self, NewTransfer, step_taken};
use crate::chain::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;
use serde_json::json;

/// Statements that [`advance`] takes at most.
pub const STATEMENTS_TO_ADVANCE: usize = 2 + transfers::STATEMENTS_TO_RECORD + 1;

/// What kind of work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A block that is read by the receipts of its transactions.
    Block,
    /// One transaction that is read again.
    Transaction,
    /// Blocks that are read again, group after group.
    Range,
    /// The cursor is moved to a block.
    Cursor,
}

impl JobKind {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Transaction => "transaction",
            Self::Range => "range",
            Self::Cursor => "cursor",
        }
    }
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// There is something to do.
    Open,
    /// It is done.
    Done,
    /// It was given up.
    Failed,
}

impl JobState {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Some work.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChainJob {
    /// `UUIDv7`, or what the block is called.
    pub id: String,
    /// What kind of work.
    pub kind: JobKind,
    /// The first block.
    pub first_block: i64,
    /// The last block.
    pub last_block: i64,
    /// Where it stands.
    pub state: JobState,
    /// The transaction, for [`JobKind::Transaction`].
    pub tx_hash: Option<String>,
    /// The hash that the block had when its reading began.
    pub block_hash: Option<String>,
    /// The group that is being read; `None` before the first one.
    pub group_number: Option<i64>,
    /// The next block to read.
    pub next_block: i64,
    /// The next transaction of the block to read, from 0.
    pub next_transaction: i64,
    /// How often in a row it could not be done.
    pub failures: i64,
    /// What could not be done, in words.
    pub details: Option<String>,
    /// What the operator noted.
    pub note: Option<String>,
    /// Who wanted it.
    pub requested_by: String,
    /// Unix seconds.
    pub requested_at: i64,
    /// Unix seconds; `None` while it is open.
    pub ended_at: Option<i64>,
    /// The last change.
    pub step_id: String,
}

/// Every column of [`ChainJob`]. A row of the kind `block` that names a transaction is
/// about that transaction only.
macro_rules! select_jobs {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "SELECT id, iif(tx_hash IS NULL, kind, 'transaction') AS kind, tx_hash, first_block, last_block, state, block_hash, group_number, next_block,
                    next_transaction, failures, details, note, requested_by, requested_at,
                    ended_at, step_id
             FROM chain_jobs ",
            $($rest),+
        )
    };
}
pub(super) use select_jobs;

/// The work that waited longest, of what is due; a cursor that is to be moved is not
/// among it.
pub(crate) fn due(market: &ChainToken, now: i64) -> Statement {
    Statement::new(
        select_jobs!(
            "WHERE state = 'open' AND due_at <= ?3 AND kind <> 'cursor'
               AND (chain_id IS NULL OR chain_id = ?1 AND token = ?2)
             ORDER BY due_at, id LIMIT 1"
        ),
        [market.chain_id.into(), (&market.token).into(), now.into()],
    )
}

/// The oldest move of the cursor that is due.
pub(crate) fn due_move(now: i64) -> Statement {
    Statement::new(
        select_jobs!(
            "WHERE state = 'open' AND due_at <= ?1 AND kind = 'cursor'
             ORDER BY requested_at, id LIMIT 1"
        ),
        [now.into()],
    )
}

/// Notes blocks whose logs could not be had, if the step was taken. Each is noted
/// once, and again when another block is in its place or its reading was given up.
pub(crate) fn unread(
    actor: &Actor,
    market: &ChainToken,
    blocks: &[BlockPosition],
    step_id: &str,
) -> Statement {
    let list: Vec<_> = blocks
        .iter()
        .map(|place| json!({ "block": place.block, "hash": place.block_hash }))
        .collect();
    Statement::new(
        concat!(
            "INSERT INTO chain_jobs (id, kind, chain_id, token, first_block, last_block, state,
                                     block_hash, next_block, next_transaction, failures, due_at,
                                     requested_by, requested_at, step_id)
             SELECT 'block:' || ?1 || ':' || ?2 || ':' || (value ->> 'block'), 'block', ?1, ?2,
                    value ->> 'block', value ->> 'block', 'open', value ->> 'hash',
                    value ->> 'block', 0, 0, ?5, ?6, ?5, 'block:' || ?3 || ':' || (value ->> 'block')
             FROM json_each(?4)
             WHERE ",
            step_taken!(),
            " ON CONFLICT (id) DO UPDATE
             SET state = 'open', block_hash = excluded.block_hash, next_transaction = 0,
                 failures = 0, details = NULL, due_at = excluded.due_at, ended_at = NULL,
                 requested_at = excluded.requested_at, step_id = excluded.step_id
             WHERE state = 'failed' OR block_hash <> excluded.block_hash"
        ),
        [
            market.chain_id.into(),
            (&market.token).into(),
            step_id.into(),
            serde_json::Value::from(list).to_string().into(),
            actor.at.into(),
            actor.name.as_ref().into(),
        ],
    )
}

/// How far some work came.
#[derive(Debug)]
pub struct JobProgress<'a> {
    /// Where it stands now.
    pub state: JobState,
    /// The hash of the block, for [`JobKind::Block`].
    pub block_hash: Option<&'a str>,
    /// The group that is being read.
    pub group_number: Option<i64>,
    /// The next block to read.
    pub next_block: i64,
    /// The next transaction to read.
    pub next_transaction: i64,
    /// What could not be done so far, in words.
    pub details: Option<&'a str>,
    /// The transfers that were found.
    pub found: &'a [NewTransfer],
    /// Blocks whose logs could not be had.
    pub unread: &'a [BlockPosition],
}

/// Records what some work found, and how far it came. Answers whether it did: another
/// tick may have been first, and then nothing is recorded.
///
/// # Errors
/// [`DatabaseError`].
pub async fn advance(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    job: &ChainJob,
    progress: &JobProgress<'_>,
    step_id: &str,
) -> Result<bool, DatabaseError> {
    let is_over = progress.state != JobState::Open;
    let moved = Statement::new(
        "UPDATE chain_jobs
         SET state = ?2, block_hash = ?3, group_number = ?4, next_block = ?5,
             next_transaction = ?6, details = ?7, failures = 0, due_at = ?8, ended_at = ?9,
             step_id = ?10
         WHERE id = ?1 AND step_id = ?11 AND state = 'open'
         RETURNING id",
        [
            (&job.id).into(),
            progress.state.as_str().into(),
            progress.block_hash.into(),
            progress.group_number.into(),
            progress.next_block.into(),
            progress.next_transaction.into(),
            progress.details.into(),
            actor.at.into(),
            is_over.then_some(actor.at).into(),
            step_id.into(),
            (&job.step_id).into(),
        ],
    );
    let mut batch = Batch::new();
    let moved = batch.read(moved);
    if is_over {
        batch.write(told(actor, step_id));
    }
    if !progress.found.is_empty() {
        batch.extend(transfers::record(actor, market, progress.found, step_id)?);
    }
    if !progress.unread.is_empty() {
        batch.write(unread(actor, market, progress.unread, step_id));
    }
    batch.run(database).await?.any(moved)
}

/// Notes that some work could not be done: it is tried again at `due_at`, and given up
/// where there is none.
///
/// # Errors
/// [`DatabaseError`].
pub async fn failed(
    database: &Database,
    actor: &Actor,
    job: &ChainJob,
    details: &str,
    due_at: Option<i64>,
    step_id: &str,
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE chain_jobs
         SET state = ?2, failures = failures + 1, details = ?3, due_at = ?4, ended_at = ?5,
             step_id = ?6
         WHERE id = ?1 AND step_id = ?7 AND state = 'open'",
        [
            (&job.id).into(),
            if due_at.is_some() { "open" } else { "failed" }.into(),
            details.into(),
            due_at.unwrap_or(actor.at).into(),
            due_at.is_none().then_some(actor.at).into(),
            step_id.into(),
            (&job.step_id).into(),
        ],
    );
    let batch = vec![update, told(actor, step_id)];
    database.batch(batch).await.map(drop)
}

/// Tells the operator which blocks stay unread when work ended with this step and
/// could not do all. What came of a transaction is in the list of jobs only. Under the id of the step, of which there is one for each.
fn told(actor: &Actor, step_id: &str) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT step_id, ?1, iif(kind = 'cursor', 'usdc_cursor_unmoved', 'usdc_block_unread'),
                'chain_block', first_block,
                json_object('first_block', first_block, 'last_block', last_block,
                            'next_block', next_block, 'details', details)
         FROM chain_jobs
         WHERE step_id = ?2 AND state <> 'open' AND details IS NOT NULL AND tx_hash IS NULL
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details,
                       resolved_at = NULL, resolved_by = NULL",
        [actor.at.into(), step_id.into()],
    )
}
