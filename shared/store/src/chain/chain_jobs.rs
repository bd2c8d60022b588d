//! Work on the chain beside following it: blocks whose logs no endpoint gives, blocks
//! that the operator wants to have read again, and a cursor that the operator moves.
//! What fails is tried again later and later while other work goes on; in the end it
//! is the operator's. Reading a block again records nothing twice.

use crate::chain::chain_cursors::{self, Place};
use crate::chain::transfers::{self, Found, step_taken};
use crate::chain::usdc_orders::Market;
use crate::operator::audit::{self, Actor, Entry};
use keywright_domain::page::{Page, Position};
use keywright_ports::{Database, DatabaseError, Reader, Statement, decode};
use serde::Deserialize;
use serde_json::json;

/// Statements that [`advance`] takes at most.
pub const STATEMENTS_TO_ADVANCE: usize = 2 + transfers::STATEMENTS_TO_RECORD + 1;

/// Statements that [`move_cursor`] takes.
pub const STATEMENTS_TO_MOVE: usize = 6;

/// What kind of work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A block that is read by the receipts of its transactions.
    Block,
    /// Blocks that are read again, group after group.
    Range,
    /// The cursor is moved to a block.
    Cursor,
}

impl Kind {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Range => "range",
            Self::Cursor => "cursor",
        }
    }
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// There is something to do.
    Open,
    /// It is done.
    Done,
    /// It was given up.
    Failed,
}

impl State {
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
pub struct Job {
    /// `UUIDv7`, or what the block is called.
    pub id: String,
    /// What kind of work.
    pub kind: Kind,
    /// The first block.
    pub first_block: i64,
    /// The last block.
    pub last_block: i64,
    /// Where it stands.
    pub state: State,
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

/// Every column of [`Job`].
macro_rules! select_jobs {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "SELECT id, kind, first_block, last_block, state, block_hash, group_number, next_block,
                    next_transaction, failures, details, note, requested_by, requested_at,
                    ended_at, step_id
             FROM chain_jobs ",
            $($rest),+
        )
    };
}

/// The work that waited longest, of what is due; a cursor that is to be moved is not
/// among it.
pub(crate) fn due(market: &Market, now: i64) -> Statement {
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
pub(crate) fn unread(actor: &Actor, market: &Market, blocks: &[Place], step_id: &str) -> Statement {
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
pub struct Progress<'a> {
    /// Where it stands now.
    pub state: State,
    /// The hash of the block, for [`Kind::Block`].
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
    pub found: &'a [Found],
    /// Blocks whose logs could not be had.
    pub unread: &'a [Place],
}

/// Records what some work found, and how far it came. Answers whether it did: another
/// tick may have been first, and then nothing is recorded.
///
/// # Errors
/// [`DatabaseError`].
pub async fn advance(
    database: &Database,
    actor: &Actor,
    market: &Market,
    job: &Job,
    progress: &Progress<'_>,
    step_id: &str,
) -> Result<bool, DatabaseError> {
    let is_over = progress.state != State::Open;
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
    let mut batch = vec![moved];
    if is_over {
        batch.push(told(actor, step_id));
    }
    if !progress.found.is_empty() {
        batch.extend(transfers::record(actor, market, progress.found, step_id)?);
    }
    if !progress.unread.is_empty() {
        batch.push(unread(actor, market, progress.unread, step_id));
    }
    let answers = database.batch(batch).await?;
    Ok(answers.first().is_some_and(|rows| !rows.is_empty()))
}

/// Notes that some work could not be done: it is tried again at `due_at`, and given up
/// where there is none.
///
/// # Errors
/// [`DatabaseError`].
pub async fn failed(
    database: &Database,
    actor: &Actor,
    job: &Job,
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
/// could not do all. Under the id of the step, of which there is one for each.
fn told(actor: &Actor, step_id: &str) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT step_id, ?1, iif(kind = 'cursor', 'usdc_cursor_unmoved', 'usdc_block_unread'),
                'chain_block', first_block,
                json_object('first_block', first_block, 'last_block', last_block,
                            'next_block', next_block, 'details', details)
         FROM chain_jobs WHERE step_id = ?2 AND state <> 'open' AND details IS NOT NULL
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details,
                       resolved_at = NULL, resolved_by = NULL",
        [actor.at.into(), step_id.into()],
    )
}

/// Moves the cursor, and every group with it, to a block that counts as read. Answers
/// whether it did: another tick may have been first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn move_cursor(
    database: &Database,
    actor: &Actor,
    market: &Market,
    [from, job]: [&str; 2],
    to: &Place,
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
    let batch = vec![moved, forgotten, groups, done, calmed, checkpoint];
    let answers = database.batch(batch).await?;
    Ok(answers.first().is_some_and(|rows| !rows.is_empty()))
}

/// What an operator wants done.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// [`Kind::Range`] or [`Kind::Cursor`].
    pub kind: Kind,
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
    request: &Request<'_>,
    [id, audit_id]: [&str; 2],
) -> Result<Option<Job>, DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO chain_jobs (id, kind, first_block, last_block, state, next_block,
                                 next_transaction, failures, note, due_at, requested_by,
                                 requested_at, step_id)
         SELECT ?1, ?2, ?3, ?4, 'open', ?3, 0, 0, ?5, ?6, ?7, ?6, ?1
         WHERE NOT EXISTS (SELECT 1 FROM chain_jobs
                           WHERE state = 'open' AND kind = ?2 AND first_block = ?3
                             AND last_block = ?4)",
        [
            id.into(),
            request.kind.as_str().into(),
            request.first_block.into(),
            request.last_block.into(),
            request.note.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
        ],
    );
    let entry = Entry {
        id: audit_id.to_owned(),
        action: match request.kind {
            Kind::Cursor => "chain.move_cursor",
            Kind::Range | Kind::Block => "chain.read_again",
        },
        object_kind: "chain_job",
        object_id: id.to_owned(),
        before: None,
        after: Some(json!({
            "first_block": request.first_block, "last_block": request.last_block,
            "note": request.note,
        })),
    };
    let entry = audit::insert_if_changed(actor, entry);
    let found = Statement::new(
        select_jobs!(
            "WHERE state = 'open' AND kind = ?1 AND first_block = ?2 AND last_block = ?3
             ORDER BY requested_at LIMIT 1"
        ),
        [
            request.kind.as_str().into(),
            request.first_block.into(),
            request.last_block.into(),
        ],
    );
    let mut answers = database.batch(vec![insert, entry, found]).await?;
    let jobs: Vec<Job> = decode(answers.pop().unwrap_or_default())?;
    Ok(jobs.into_iter().next())
}

/// Where reading stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Standing {
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
) -> Result<(Vec<Standing>, Vec<Job>), DatabaseError> {
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
