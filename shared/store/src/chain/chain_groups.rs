//! Addresses that are read a second time behind the cursor, a thousand in a group.
//! The cursor is followed with the one wallet and the open orders. Everything else
//! that is watched, and all of that once more, is read in groups, each with a place
//! of its own: so however many addresses are watched, a tick reads some of them.
//!
//! A group's place counts for each address that it has now. An order joins a group
//! when it is recorded, and nothing before that can have paid it.

use crate::chain::chain_cursors::BlockPosition;
use crate::chain::chain_jobs;
use crate::chain::transfers::{self, NewTransfer};
use crate::chain::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use keywright_domain::usdc::watching::{GROUP_SIZE, WALLET_GROUP};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Deserialize;

/// Statements that [`load`] takes.
pub const STATEMENTS_TO_LOAD: usize = 4;

/// Statements that [`advance`] takes at most.
pub const STATEMENTS_TO_ADVANCE: usize = 1 + transfers::STATEMENTS_TO_RECORD + 1;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AddressGroup {
    /// Its number; [`WALLET_GROUP`] for the one wallet.
    pub group_number: i64,
    /// Everything up to this block was read for each of its addresses.
    pub block: i64,
    /// The time of that block or of one before it, in unix seconds.
    pub block_time: i64,
    /// When the last of its orders ends, in unix seconds.
    pub orders_until: i64,
    /// How often in a row it could not be read.
    pub failures: i64,
    /// When it may be read again, in unix seconds.
    pub due_at: i64,
    /// The last change of its place.
    pub step_id: String,
}

/// What is watched, and how far it was read behind the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedAddresses {
    /// Addresses that are followed with the cursor, lower case: of orders that share
    /// one, and of open orders that have one of their own, those that end first.
    pub followed: Vec<String>,
    /// Whether there are more open orders than can be followed.
    pub is_overflowing: bool,
    /// The groups that are watched.
    pub groups: Vec<AddressGroup>,
    /// Up to where groups are read now: a place that the cursor has left behind.
    pub second_look: Option<BlockPosition>,
    /// When the first of the open orders ends, in unix seconds.
    pub first_end: Option<i64>,
    /// Until when the first amount or address is held, in unix seconds.
    pub first_release: Option<i64>,
    /// Work that is due.
    pub job: Option<chain_jobs::ChainJob>,
}

#[derive(Deserialize)]
struct FollowedRow {
    address: String,
    is_own: i64,
}

#[derive(Deserialize)]
struct GroupRow {
    #[serde(flatten)]
    group: AddressGroup,
    second_block: Option<i64>,
    second_hash: Option<String>,
    second_time: Option<i64>,
    first_end: Option<i64>,
    first_release: Option<i64>,
}

/// Which blocks a group is read up to, and what is due.
#[derive(Debug, Clone, Copy)]
pub struct WatchLimits {
    /// Most addresses of their own that are followed with the cursor.
    pub followed: i64,
    /// The last block that may be read a second time.
    pub second_look: i64,
    /// The time, in unix seconds.
    pub now: i64,
}

#[derive(Deserialize)]
struct AddressRow {
    address: String,
}

/// Every address that orders share, each once: steps from one to the next in the
/// index, however many orders share one.
macro_rules! shared {
    ($($rest:expr),* $(,)?) => {
        concat!(
            "WITH RECURSIVE found (address) AS (
               SELECT min(address) FROM usdc_orders
               WHERE chain_id = ?1 AND reserved = 1 AND derivation_index IS NULL
               UNION ALL
               SELECT (SELECT min(address) FROM usdc_orders
                       WHERE chain_id = ?1 AND reserved = 1 AND derivation_index IS NULL
                         AND address > found.address)
               FROM found WHERE found.address IS NOT NULL)
             SELECT address, 0 AS is_own FROM found WHERE address IS NOT NULL",
            $($rest),*
        )
    };
}

/// Loads what is watched, in one round trip. A group that orders have joined and that
/// has no place yet begins where the cursor stands: to be called when the newest block
/// to read is known, so that an order which is not in any answer was made after it.
///
/// # Errors
/// [`DatabaseError`].
pub async fn load(
    database: &Database,
    market: &ChainToken,
    limits: WatchLimits,
    step_id: &str,
) -> Result<WatchedAddresses, DatabaseError> {
    // The newest group alone can be without a place: indexes are given out one by one.
    let begun = Statement::new(
        "INSERT INTO chain_groups (chain_id, token, group_number, block, block_time, orders_until,
                                   is_watched, step_id)
         SELECT c.chain_id, c.token, g.number, c.block, c.block_time, c.block_time, 1,
                ?3 || ':' || g.number
         FROM chain_cursors c,
              (SELECT -1 AS number
               UNION SELECT (SELECT max(derivation_index) FROM derivations) / 1000) AS g
         WHERE c.chain_id = ?1 AND c.token = ?2 AND g.number IS NOT NULL
         ON CONFLICT DO NOTHING",
        [
            market.chain_id.into(),
            (&market.token).into(),
            step_id.into(),
        ],
    );
    let followed = Statement::new(
        shared!(
            " UNION ALL
             SELECT * FROM (SELECT address, 1 FROM usdc_orders
                            WHERE chain_id = ?1 AND token = ?2 AND is_open = 1
                              AND derivation_index IS NOT NULL
                            ORDER BY expires_at LIMIT ?3)"
        ),
        [
            market.chain_id.into(),
            (&market.token).into(),
            (limits.followed + 1).into(),
        ],
    );
    let groups = Statement::new(
        "SELECT g.group_number, g.block, g.block_time, g.orders_until, g.failures, g.due_at,
                g.step_id, p.block AS second_block, p.block_hash AS second_hash,
                p.block_time AS second_time,
                (SELECT min(expires_at) FROM usdc_orders
                 WHERE chain_id = ?1 AND token = ?2 AND is_open = 1) AS first_end,
                (SELECT min(reserved_until) FROM usdc_orders
                 WHERE chain_id = ?1 AND token = ?2 AND reserved = 1) AS first_release
         FROM chain_groups g
         LEFT JOIN (SELECT block, block_hash, block_time FROM chain_checkpoints
                    WHERE chain_id = ?1 AND token = ?2 AND block <= ?3
                    ORDER BY block DESC LIMIT 1) AS p
         WHERE g.chain_id = ?1 AND g.token = ?2 AND g.is_watched = 1",
        [
            market.chain_id.into(),
            (&market.token).into(),
            limits.second_look.into(),
        ],
    );
    let mut batch = Batch::new();
    batch.write(begun);
    let followed = batch.read(followed);
    let groups = batch.read(groups);
    let job = batch.read(chain_jobs::due(market, limits.now));
    let mut rows = batch.run_aside(database).await?;
    let followed: Vec<FollowedRow> = rows.all(followed)?;
    let groups: Vec<GroupRow> = rows.all(groups)?;
    let job = rows.first(job)?;
    let own = followed.iter().filter(|row| row.is_own != 0).count();
    let most = followed.len() - own + usize::try_from(limits.followed).unwrap_or(0);
    let first = groups.first();
    let second_look = first.and_then(|row| {
        Some(BlockPosition {
            block: row.second_block?,
            block_hash: row.second_hash.clone()?,
            block_time: row.second_time?,
        })
    });
    Ok(WatchedAddresses {
        is_overflowing: followed.len() > most,
        second_look,
        first_end: first.and_then(|row| row.first_end),
        first_release: first.and_then(|row| row.first_release),
        followed: followed
            .into_iter()
            .take(most)
            .map(|row| row.address)
            .collect(),
        groups: groups.into_iter().map(|row| row.group).collect(),
        job,
    })
}

/// The addresses of a group that orders hold, lower case.
///
/// # Errors
/// [`DatabaseError`].
pub async fn addresses(
    database: &Reader,
    market: &ChainToken,
    group_number: i64,
) -> Result<Vec<String>, DatabaseError> {
    let statement = if group_number == WALLET_GROUP {
        Statement::new(shared!(), [market.chain_id.into()])
    } else {
        let first = group_number * GROUP_SIZE;
        Statement::new(
            "SELECT DISTINCT address FROM usdc_orders
             WHERE chain_id = ?1 AND reserved = 1 AND derivation_index IS NOT NULL
               AND derivation_index % 4294967296 BETWEEN ?2 AND ?3",
            [
                market.chain_id.into(),
                first.into(),
                (first + GROUP_SIZE - 1).into(),
            ],
        )
    };
    let found: Vec<AddressRow> = database.query(statement).await?;
    Ok(found.into_iter().map(|row| row.address).collect())
}

/// Which of these addresses orders hold, all lower case.
///
/// # Errors
/// [`DatabaseError`].
pub async fn held(
    database: &Reader,
    market: &ChainToken,
    addresses: &[String],
) -> Result<Vec<String>, DatabaseError> {
    let list = serde_json::Value::from(addresses.to_vec()).to_string();
    let statement = Statement::new(
        "SELECT value AS address FROM json_each(?2)
         WHERE EXISTS (SELECT 1 FROM usdc_orders
                       WHERE chain_id = ?1 AND address = value AND reserved = 1)",
        [market.chain_id.into(), list.into()],
    );
    let found: Vec<AddressRow> = database.query(statement).await?;
    Ok(found.into_iter().map(|row| row.address).collect())
}

/// What was read of a group.
#[derive(Debug)]
pub struct GroupProgress<'a> {
    /// The last block that was read whole.
    pub block: i64,
    /// The time of that block or of one before it.
    pub block_time: i64,
    /// The transfers that were found.
    pub found: &'a [NewTransfer],
    /// Blocks whose logs could not be had.
    pub unread: &'a [BlockPosition],
}

/// Records what was read of a group and moves its place. Answers whether it did:
/// another tick may have been first, and then nothing is recorded.
///
/// # Errors
/// [`DatabaseError`].
pub async fn advance(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    group: &AddressGroup,
    read: &GroupProgress<'_>,
    step_id: &str,
) -> Result<bool, DatabaseError> {
    let moved = Statement::new(
        "UPDATE chain_groups
         SET block = ?4, block_time = max(block_time, ?5), failures = 0, due_at = 0, step_id = ?6
         WHERE chain_id = ?1 AND token = ?2 AND group_number = ?3 AND step_id = ?7
         RETURNING block",
        [
            market.chain_id.into(),
            (&market.token).into(),
            group.group_number.into(),
            read.block.into(),
            read.block_time.into(),
            step_id.into(),
            (&group.step_id).into(),
        ],
    );
    let mut batch = Batch::new();
    let moved = batch.read(moved);
    if !read.found.is_empty() {
        batch.extend(transfers::record(actor, market, read.found, step_id)?);
    }
    if !read.unread.is_empty() {
        batch.write(chain_jobs::unread(actor, market, read.unread, step_id));
    }
    batch.run(database).await?.any(moved)
}

/// Puts a group that could not be read behind the others.
///
/// # Errors
/// [`DatabaseError`].
pub async fn put_off(
    database: &Database,
    market: &ChainToken,
    group: &AddressGroup,
    due_at: i64,
) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE chain_groups SET failures = failures + 1, due_at = ?4
         WHERE chain_id = ?1 AND token = ?2 AND group_number = ?3 AND step_id = ?5",
        [
            market.chain_id.into(),
            (&market.token).into(),
            group.group_number.into(),
            due_at.into(),
            (&group.step_id).into(),
        ],
    );
    database.aside(vec![update]).await.map(drop)
}

/// An order with an address of its own joins its group, if it was recorded. Of a group
/// in which nothing was watched, nothing has to be read that is older than the order.
pub(crate) fn joined(
    market: &ChainToken,
    group_number: i64,
    invoice_id: &str,
    expires_at: i64,
) -> Statement {
    Statement::new(
        "INSERT INTO chain_groups (chain_id, token, group_number, block, block_time, orders_until,
                                   is_watched, step_id)
         SELECT chain_id, token, ?3, block, block_time, ?5, 1, ?4 FROM chain_cursors
         WHERE chain_id = ?1 AND token = ?2 AND EXISTS (SELECT 1 FROM invoices WHERE id = ?4)
         ON CONFLICT (chain_id, token, group_number) DO UPDATE
         SET block = iif(is_watched = 1, block, excluded.block),
             block_time = iif(is_watched = 1, block_time, excluded.block_time),
             orders_until = max(orders_until, excluded.orders_until), is_watched = 1",
        [
            market.chain_id.into(),
            (&market.token).into(),
            group_number.into(),
            invoice_id.into(),
            expires_at.into(),
        ],
    )
}
