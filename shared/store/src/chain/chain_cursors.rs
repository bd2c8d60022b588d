//! How far the chain was read. What was read of a range is recorded by the batch
//! that moves the cursor, and only if the cursor is still where the reader found
//! it: of two ticks at once one wins and the other writes nothing.

use crate::chain::chain_jobs::{self, ChainJob};
use crate::chain::rpc_endpoints::{self, EndpointSetAside};
use crate::chain::transfers::{self, NewTransfer, STATEMENTS_TO_RECORD};
use crate::chain::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement, Value};
use serde::Deserialize;

/// Blocks that share a checkpoint.
const BLOCKS_PER_SLOT: i64 = 64;

/// Checkpoints that are kept; the last 8,192 blocks at least, some four hours.
const SLOTS: i64 = 128;

/// Statements that [`load`] takes.
pub const STATEMENTS_TO_LOAD: usize = 3;

/// Statements that [`advance`] takes at most.
pub const STATEMENTS_TO_ADVANCE: usize = 2 + STATEMENTS_TO_RECORD + 1;

/// Statements that [`step_back`] takes.
pub const STATEMENTS_TO_STEP_BACK: usize = 5;

/// A block, as far as it tells where the chain was.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BlockPosition {
    /// Its number.
    pub block: i64,
    /// Its hash, lower case.
    pub block_hash: String,
    /// Its time, in unix seconds.
    pub block_time: i64,
}

/// The last block that was read whole, and how many are asked for at once.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Cursor {
    /// The block.
    #[serde(flatten)]
    pub place: BlockPosition,
    /// Of the rule for ranges.
    pub range_size: i64,
    /// Of the rule for ranges.
    pub range_ceiling: i64,
    /// Of the rule for ranges.
    pub range_calm: i64,
    /// The rule for ranges that are read a second time, behind the cursor; `None`
    /// before there was one.
    pub back_size: Option<i64>,
    /// As [`Self::back_size`].
    pub back_ceiling: Option<i64>,
    /// As [`Self::back_size`].
    pub back_calm: Option<i64>,
    /// The last change of the cursor.
    pub step_id: String,
}

impl Cursor {
    /// The rule for ranges that are read a second time.
    #[must_use]
    pub fn back_range(&self) -> Option<[i64; 3]> {
        Some([self.back_size?, self.back_ceiling?, self.back_calm?])
    }
}

/// What a tick begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickStart {
    /// Where reading stands; `None` before the first tick.
    pub cursor: Option<Cursor>,
    /// Endpoints that are set aside.
    pub set_aside: Vec<EndpointSetAside>,
    /// Where the operator wants the cursor to be.
    pub cursor_move: Option<ChainJob>,
}

/// Whether the chain was ever read for this token.
///
/// # Errors
/// [`DatabaseError`].
pub async fn is_read(database: &Reader, market: &ChainToken) -> Result<bool, DatabaseError> {
    let statement = Statement::new(
        "SELECT 1 AS found FROM chain_cursors WHERE chain_id = ?1 AND token = ?2",
        [market.chain_id.into(), (&market.token).into()],
    );
    Ok(database.first::<Row>(statement).await?.is_some())
}

/// Loads what a tick begins with: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn load(
    database: &Database,
    market: &ChainToken,
    now: i64,
) -> Result<TickStart, DatabaseError> {
    let cursor = Statement::new(
        "SELECT block, block_hash, block_time, range_size, range_ceiling, range_calm,
                back_size, back_ceiling, back_calm, step_id
         FROM chain_cursors WHERE chain_id = ?1 AND token = ?2",
        here(market),
    );
    let mut batch = Batch::new();
    let cursor = batch.read(cursor);
    let set_aside = batch.read(rpc_endpoints::set_aside(now));
    let cursor_move = batch.read(chain_jobs::due_move(now));
    let mut rows = batch.run_aside(database).await?;
    Ok(TickStart {
        cursor: rows.first(cursor)?,
        set_aside: rows.all(set_aside)?,
        cursor_move: rows.first(cursor_move)?,
    })
}

/// Begins at a block that counts as read. Where reading has begun already,
/// nothing changes.
///
/// # Errors
/// [`DatabaseError`].
pub async fn begin(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    at: &BlockPosition,
    [size, ceiling, calm]: [i64; 3],
    step_id: &str,
) -> Result<(), DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO chain_cursors (chain_id, token, block, block_hash, block_time, range_size,
                                    range_ceiling, range_calm, step_id, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO NOTHING",
        [
            market.chain_id.into(),
            (&market.token).into(),
            at.block.into(),
            (&at.block_hash).into(),
            at.block_time.into(),
            size.into(),
            ceiling.into(),
            calm.into(),
            step_id.into(),
            actor.at.into(),
        ],
    );
    let batch = vec![insert, checkpoint(market, at, step_id)];
    database.batch(batch).await.map(drop)
}

/// What was read from the cursor on.
#[derive(Debug)]
pub struct CursorProgress<'a> {
    /// The last block that was read whole.
    pub to: BlockPosition,
    /// How many blocks to ask for from now on, as the rule keeps it.
    pub range: [i64; 3],
    /// The transfers that were found.
    pub found: &'a [NewTransfer],
    /// Blocks whose logs could not be had: they are read another way.
    pub unread: &'a [BlockPosition],
}

/// Records what was read and moves the cursor there. Answers whether it did:
/// another tick may have been first, and then nothing is recorded.
///
/// # Errors
/// [`DatabaseError`].
pub async fn advance(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    from: &Cursor,
    read: &CursorProgress<'_>,
    step_id: &str,
) -> Result<bool, DatabaseError> {
    let [size, ceiling, calm] = read.range;
    let moved = Statement::new(
        "UPDATE chain_cursors
         SET block = ?3, block_hash = ?4, block_time = ?5, range_size = ?6, range_ceiling = ?7,
             range_calm = ?8, step_id = ?9, updated_at = ?10
         WHERE chain_id = ?1 AND token = ?2 AND step_id = ?11
         RETURNING block",
        [
            market.chain_id.into(),
            (&market.token).into(),
            read.to.block.into(),
            (&read.to.block_hash).into(),
            read.to.block_time.into(),
            size.into(),
            ceiling.into(),
            calm.into(),
            step_id.into(),
            actor.at.into(),
            (&from.step_id).into(),
        ],
    );
    let mut batch = Batch::new();
    let moved = batch.read(moved);
    batch.write(checkpoint(market, &read.to, step_id));
    if !read.found.is_empty() {
        batch.extend(transfers::record(actor, market, read.found, step_id)?);
    }
    if !read.unread.is_empty() {
        batch.write(chain_jobs::unread(actor, market, read.unread, step_id));
    }
    batch.run(database).await?.any(moved)
}

/// Keeps what is known of the range while the cursor stays where it is.
///
/// # Errors
/// [`DatabaseError`].
pub async fn keep_range(
    database: &Database,
    market: &ChainToken,
    cursor: &Cursor,
    [size, ceiling, calm]: [i64; 3],
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE chain_cursors SET range_size = ?3, range_ceiling = ?4, range_calm = ?5
         WHERE chain_id = ?1 AND token = ?2 AND step_id = ?6",
        [
            market.chain_id.into(),
            (&market.token).into(),
            size.into(),
            ceiling.into(),
            calm.into(),
            (&cursor.step_id).into(),
        ],
    );
    database.aside(vec![update]).await.map(drop)
}

/// Keeps what is known of the range that is read a second time.
///
/// # Errors
/// [`DatabaseError`].
pub async fn keep_back_range(
    database: &Database,
    market: &ChainToken,
    [size, ceiling, calm]: [i64; 3],
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE chain_cursors SET back_size = ?3, back_ceiling = ?4, back_calm = ?5
         WHERE chain_id = ?1 AND token = ?2",
        [
            market.chain_id.into(),
            (&market.token).into(),
            size.into(),
            ceiling.into(),
            calm.into(),
        ],
    );
    database.aside(vec![update]).await.map(drop)
}

/// Where the cursor has been, the newest first, of before it stood where it
/// stands.
///
/// # Errors
/// [`DatabaseError`].
pub async fn checkpoints(
    database: &Database,
    market: &ChainToken,
    before: i64,
) -> Result<Vec<BlockPosition>, DatabaseError> {
    let [chain_id, token] = here(market);
    let statement = Statement::new(
        "SELECT block, block_hash, block_time FROM chain_checkpoints
         WHERE chain_id = ?1 AND token = ?2 AND block < ?3
         ORDER BY block DESC",
        [chain_id, token, before.into()],
    );
    database.query(statement).await
}

/// Goes back to a checkpoint whose block is still part of the chain. What was
/// recorded of the blocks behind it is marked, and what was credited of it is for
/// the operator. Answers whether it did: another tick may have been first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn step_back(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    from: &Cursor,
    to: &BlockPosition,
    step_id: &str,
) -> Result<bool, DatabaseError> {
    let moved = Statement::new(
        "UPDATE chain_cursors
         SET block = ?3, block_hash = ?4, block_time = ?5, step_id = ?6, updated_at = ?7
         WHERE chain_id = ?1 AND token = ?2 AND step_id = ?8
         RETURNING block",
        [
            market.chain_id.into(),
            (&market.token).into(),
            to.block.into(),
            (&to.block_hash).into(),
            to.block_time.into(),
            step_id.into(),
            actor.at.into(),
            (&from.step_id).into(),
        ],
    );
    let forgotten = Statement::new(
        "DELETE FROM chain_checkpoints
         WHERE chain_id = ?1 AND token = ?2 AND block > ?3
           AND EXISTS (SELECT 1 FROM chain_cursors
                       WHERE chain_id = ?1 AND token = ?2 AND step_id = ?4)",
        [
            market.chain_id.into(),
            (&market.token).into(),
            to.block.into(),
            step_id.into(),
        ],
    );
    // What was read a second time of the blocks that are gone is read again too.
    let groups = Statement::new(
        "UPDATE chain_groups
         SET block = ?3, block_time = ?5, failures = 0, due_at = 0,
             step_id = ?4 || ':' || group_number
         WHERE chain_id = ?1 AND token = ?2 AND block > ?3
           AND EXISTS (SELECT 1 FROM chain_cursors
                       WHERE chain_id = ?1 AND token = ?2 AND step_id = ?4)",
        [
            market.chain_id.into(),
            (&market.token).into(),
            to.block.into(),
            step_id.into(),
            to.block_time.into(),
        ],
    );
    let mut batch = Batch::new();
    let moved = batch.read(moved);
    batch.extend([forgotten, groups]);
    batch.extend(transfers::taken_back(actor, market, to.block, step_id));
    batch.run(database).await?.any(moved)
}

/// Keeps the place as the checkpoint of its blocks, if the step was taken.
pub(crate) fn checkpoint(market: &ChainToken, at: &BlockPosition, step_id: &str) -> Statement {
    Statement::new(
        "INSERT OR REPLACE INTO chain_checkpoints (chain_id, token, slot, block, block_hash,
                                                   block_time)
         SELECT chain_id, token, ?3, block, block_hash, block_time FROM chain_cursors
         WHERE chain_id = ?1 AND token = ?2 AND step_id = ?4",
        [
            market.chain_id.into(),
            (&market.token).into(),
            (at.block / BLOCKS_PER_SLOT % SLOTS).into(),
            step_id.into(),
        ],
    )
}

fn here(market: &ChainToken) -> [Value; 2] {
    [market.chain_id.into(), (&market.token).into()]
}
