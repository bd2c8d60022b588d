//! Follows the chain with the cursor, range by range up to the newest final block, for
//! the shared wallet and the open orders. A few ranges are recorded at a time, together
//! with the block they end at, all of it from one endpoint.

use crate::chain::{ChainClient, EndpointSession, position};
use crate::judge::STATEMENTS_TO_JUDGE;
use crate::stretch::{LogReader, ReadEnd, Stretch};
use crate::tick::{BACK_CALLS, JUDGE_CALLS, Tick};
use keywright_domain::usdc::watching::{GROUP_SIZE, SECOND_LOOK_AFTER};
use keywright_ports::DatabaseError;
use keywright_providers::polygon::range::Adaptive;
use keywright_providers::polygon::rpc::{self, Block, BlockTag};
use keywright_store::chain::chain_cursors::{
    self, BlockPosition, Cursor, CursorProgress, STATEMENTS_TO_ADVANCE,
};
use keywright_store::chain::chain_groups::{self, WatchLimits};
use keywright_store::chain::rpc_endpoints::EndpointFault;

/// Ranges that are read before they are recorded; only one the first time, so that an
/// endpoint that soon refuses calls does not cost everything that was read.
const RANGES_AT_ONCE: usize = 6;

/// Maximum number of addresses of open orders that are followed with the cursor: each
/// thousand costs a call for each range. The others are read in their groups.
const MAX_FOLLOWED: i64 = 3 * GROUP_SIZE;

/// Reads with an endpoint that agrees with the cursor, and moves it.
///
/// The addresses are loaded after the newest block to read is known: an order that is not
/// among them was placed after that block, so no transfer up to it can pay that order.
pub(crate) async fn follow(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    cursor: &mut Cursor,
) -> Result<ReadEnd, DatabaseError> {
    if tick.watched.is_none() && !load(tick, cursor, session.head.time).await? {
        return Ok(ReadEnd::Whole);
    }
    if cursor.place.block.cast_unsigned() >= session.head.number {
        return Ok(ReadEnd::Whole);
    }
    let wallet = tick.settings.wallet.map(|wallet| wallet.lower());
    let watched = tick.watched.iter();
    let followed: Vec<String> = watched
        .flat_map(|watched| watched.followed.iter().cloned())
        .chain(wallet)
        .collect();
    let range = Adaptive::stored([cursor.range_size, cursor.range_ceiling, cursor.range_calm]);
    let reader = LogReader::new(tick, &followed, range);
    chain.keep(JUDGE_CALLS + BACK_CALLS);
    let ended = Follower {
        tick,
        chain,
        session,
        reader,
        at_once: 1,
    }
    .run(cursor)
    .await;
    chain.keep(0);
    ended
}

/// Loads the watched addresses; returns false when no statements are left.
async fn load(tick: &mut Tick<'_>, cursor: &Cursor, head: i64) -> Result<bool, DatabaseError> {
    if !tick.reserve_statements(chain_groups::STATEMENTS_TO_LOAD) {
        return Ok(false);
    }
    let limits = WatchLimits {
        followed: MAX_FOLLOWED,
        second_look: cursor.place.block - SECOND_LOOK_AFTER,
        now: tick.actor.at,
    };
    let step_id = tick.ports.stamps.new_id();
    let database = &tick.ports.database;
    let watched = chain_groups::load(database, &tick.market, limits, &step_id).await?;
    tick.reserve_for_due_work(&watched, head);
    tick.watched = Some(watched);
    Ok(true)
}

/// Follows the chain with one endpoint.
struct Follower<'r, 't, 'c> {
    tick: &'r mut Tick<'t>,
    chain: &'r mut ChainClient<'c>,
    session: &'r EndpointSession,
    reader: LogReader,
    /// Ranges that are read before they are recorded.
    at_once: usize,
}

impl Follower<'_, '_, '_> {
    async fn run(&mut self, cursor: &mut Cursor) -> Result<ReadEnd, DatabaseError> {
        loop {
            let from = cursor.place.block.cast_unsigned();
            let is_read = from >= self.session.head.number;
            if is_read || self.chain.calls_left() <= self.reader.calls() || !self.reserve_step() {
                return Ok(ReadEnd::Whole);
            }
            let before = self.reader.range;
            let up_to = [from, self.session.head.number];
            let (tick, chain) = (&*self.tick, &mut *self.chain);
            let stretch = self
                .reader
                .stretch(tick, chain, self.session, up_to, self.at_once)
                .await;
            if stretch.to == from {
                self.tick.release_statements(STATEMENTS_TO_ADVANCE - 1);
                if self.reader.range != before {
                    let (database, market) = (&self.tick.ports.database, &self.tick.market);
                    let range = self.reader.range.to_store();
                    chain_cursors::keep_range(database, market, cursor, range).await?;
                }
                return Ok(stretch.ended);
            }
            let ended = self.record(cursor, from, stretch).await?;
            self.at_once = RANGES_AT_ONCE;
            if ended != ReadEnd::Whole {
                return Ok(ended);
            }
        }
    }

    /// Takes the statements of a step: of the first one, or of one that leaves enough for
    /// the rest of the tick.
    fn reserve_step(&mut self) -> bool {
        let kept = if self.at_once == 1 {
            0
        } else {
            STATEMENTS_TO_JUDGE
        };
        let is_room = self.tick.reserve_statements(STATEMENTS_TO_ADVANCE + kept);
        if is_room {
            self.tick.release_statements(kept);
        }
        is_room
    }

    /// The last block of a stretch; `None` when the endpoint does not return it.
    async fn end(&mut self, stretch: &Stretch) -> Option<Block> {
        if stretch.to == self.session.head.number {
            return Some(self.session.head);
        }
        if let Some(end) = stretch.end {
            return Some(end);
        }
        let end = rpc::block(BlockTag::Number(stretch.to));
        match self.chain.ask(self.session, &end).await {
            Ok(Some(end)) if end.number == stretch.to => Some(end),
            Ok(_) => {
                let details = "it has logs up to a block that it does not have";
                self.chain
                    .report_fault(self.session, EndpointFault::Lies, details);
                None
            }
            Err(error) => {
                self.chain.report_failure(self.session, &error);
                None
            }
        }
    }

    /// Records a stretch and moves the cursor to its end.
    async fn record(
        &mut self,
        cursor: &mut Cursor,
        from: u64,
        stretch: Stretch,
    ) -> Result<ReadEnd, DatabaseError> {
        let Some(end) = self.end(&stretch).await else {
            return Ok(ReadEnd::Lost);
        };
        let unread: Vec<BlockPosition> = stretch.unread.iter().map(position).collect();
        let read = CursorProgress {
            to: position(&end),
            range: self.reader.range.to_store(),
            found: &stretch.found,
            unread: &unread,
        };
        let tick = &mut *self.tick;
        let step_id = tick.ports.stamps.new_id();
        let (database, market) = (&tick.ports.database, &tick.market);
        let moved =
            chain_cursors::advance(database, &tick.actor, market, cursor, &read, &step_id).await?;
        if !moved {
            return Ok(ReadEnd::Overtaken);
        }
        tick.release_unused(&stretch.found, &unread);
        tick.report.blocks += stretch.to - from;
        tick.report.found += stretch.found.len();
        let [range_size, range_ceiling, range_calm] = read.range;
        *cursor = Cursor {
            place: read.to,
            range_size,
            range_ceiling,
            range_calm,
            step_id,
            ..*cursor
        };
        Ok(stretch.ended)
    }
}
