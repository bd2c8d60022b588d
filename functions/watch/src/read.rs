//! Reads the chain from the cursor on, range by range, up to the newest block that
//! is final. What was read is recorded a few ranges at a time, with the block they
//! end at, all of it from one endpoint.

use crate::chain::{Chain, Session, place};
use crate::tick::Tick;
use keywright_edge::ports::DatabaseError;
use keywright_providers::polygon::Address;
use keywright_providers::polygon::range::Adaptive;
use keywright_providers::polygon::rpc::{
    self, BlockSpan, BlockTag, Log, LogFilter, MAX_TOPIC_VALUES, RpcError,
};
use keywright_providers::polygon::transfer::{self, NotATransfer, TRANSFER};
use keywright_store::chain_cursors::{self, Cursor, Read, STATEMENTS_TO_ADVANCE};
use keywright_store::rpc_endpoints::Fault;
use keywright_store::transfers::Found;
use keywright_store::usdc_orders;

/// Ranges that are read before they are recorded; only one the first time. So an
/// endpoint that soon has had enough calls does not cost all that was read.
const RANGES_AT_ONCE: usize = 4;

/// The most transfers that are recorded at once: together they stay far below what
/// a parameter of a statement may hold.
const TRANSFERS_AT_ONCE: usize = 1_000;

/// Calls that are kept for judging what was found.
const CALLS_TO_JUDGE: usize = 4;

/// How reading with one endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// There is nothing more to read now, or no room for more in this tick.
    Whole,
    /// The endpoint is not to be asked on.
    Lost,
    /// Another tick has moved the cursor.
    Overtaken,
}

/// Some ranges that were read.
struct Stretch {
    /// The last block that was read.
    to: u64,
    found: Vec<Found>,
    ended: Ended,
}

/// One endpoint that is being read.
struct Reader<'r, 't, 'c> {
    tick: &'r mut Tick<'t>,
    chain: &'r mut Chain<'c>,
    session: &'r Session,
    contracts: Vec<Address>,
    /// Who is paid, in as many calls as the limit of values needs.
    recipients: Vec<Vec<[u8; 32]>>,
    range: Adaptive,
    /// Ranges that are read before they are recorded.
    at_once: usize,
}

/// Reads with an endpoint that agrees with the cursor, and moves it.
///
/// Who is paid is loaded now that the newest block to read is known: an order that
/// is not among them is made after that block, and nothing in it can pay it.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn on(
    tick: &mut Tick<'_>,
    chain: &mut Chain<'_>,
    session: &Session,
    cursor: &mut Cursor,
) -> Result<Ended, DatabaseError> {
    if cursor.place.block.cast_unsigned() >= session.head.number || !tick.takes(1) {
        return Ok(Ended::Whole);
    }
    let recipients = recipients(tick).await?;
    let mut reader = Reader {
        contracts: tick.settings.contracts(),
        range: Adaptive::stored([cursor.range_size, cursor.range_ceiling, cursor.range_calm]),
        tick,
        chain,
        session,
        recipients,
        at_once: 1,
    };
    reader.run(cursor).await
}

async fn recipients(tick: &Tick<'_>) -> Result<Vec<Vec<[u8; 32]>>, DatabaseError> {
    let stored = usdc_orders::addresses(&tick.ports.database, &tick.market).await?;
    let mut all: Vec<[u8; 32]> = stored
        .iter()
        .filter_map(|text| text.parse::<Address>().ok())
        .chain(tick.settings.wallet)
        .map(|address| address.to_word())
        .collect();
    all.sort_unstable();
    all.dedup();
    Ok(all.chunks(MAX_TOPIC_VALUES).map(<[_]>::to_vec).collect())
}

impl Reader<'_, '_, '_> {
    async fn run(&mut self, cursor: &mut Cursor) -> Result<Ended, DatabaseError> {
        loop {
            let from = cursor.place.block.cast_unsigned();
            let calls = self.recipients.len() + 1;
            let room = self.chain.calls_left() >= calls + CALLS_TO_JUDGE;
            if from >= self.session.head.number || !room || !self.tick.takes(STATEMENTS_TO_ADVANCE)
            {
                return Ok(Ended::Whole);
            }
            let before = self.range;
            let stretch = self.stretch(from).await;
            if stretch.to == from {
                self.tick.gives_back(STATEMENTS_TO_ADVANCE - 1);
                if self.range != before {
                    let (database, market) = (&self.tick.ports.database, &self.tick.market);
                    let range = self.range.to_store();
                    chain_cursors::keep_range(database, market, cursor, range).await?;
                }
                return Ok(stretch.ended);
            }
            let ended = self.record(cursor, from, stretch).await?;
            self.at_once = RANGES_AT_ONCE;
            if ended != Ended::Whole {
                return Ok(ended);
            }
        }
    }

    /// Records a stretch and moves the cursor to its end.
    async fn record(
        &mut self,
        cursor: &mut Cursor,
        from: u64,
        stretch: Stretch,
    ) -> Result<Ended, DatabaseError> {
        let end = if stretch.to == self.session.head.number {
            self.session.head
        } else {
            let end = rpc::block(BlockTag::Number(stretch.to));
            match self.chain.ask(self.session, &end).await {
                Ok(Some(end)) if end.number == stretch.to => end,
                Ok(_) => {
                    let details = "it has logs up to a block that it does not have";
                    self.chain.caught(self.session, Fault::Lies, details);
                    return Ok(Ended::Lost);
                }
                Err(error) => {
                    self.chain.lost(self.session, &error);
                    return Ok(Ended::Lost);
                }
            }
        };
        let read = Read {
            to: place(&end),
            range: self.range.to_store(),
            found: &stretch.found,
        };
        let tick = &mut *self.tick;
        let step_id = tick.ports.stamps.new_id();
        let (database, market) = (&tick.ports.database, &tick.market);
        let moved =
            chain_cursors::advance(database, &tick.actor, market, cursor, &read, &step_id).await?;
        if !moved {
            return Ok(Ended::Overtaken);
        }
        if stretch.found.is_empty() {
            tick.gives_back(chain_cursors::STATEMENTS_TO_RECORD);
        }
        tick.report.blocks += stretch.to - from;
        tick.report.found += stretch.found.len();
        let [range_size, range_ceiling, range_calm] = read.range;
        *cursor = Cursor {
            place: read.to,
            range_size,
            range_ceiling,
            range_calm,
            step_id,
        };
        Ok(stretch.ended)
    }

    /// Reads a few ranges behind a block.
    async fn stretch(&mut self, behind: u64) -> Stretch {
        let head = self.session.head.number;
        let mut stretch = Stretch {
            to: behind,
            found: Vec::new(),
            ended: Ended::Whole,
        };
        if self.recipients.is_empty() {
            // Nobody can be paid.
            stretch.to = head;
            return stretch;
        }
        let mut ranges = 0;
        while ranges < self.at_once && stretch.found.len() < TRANSFERS_AT_ONCE {
            // One call is kept for the block that the stretch ends at.
            let room = self.chain.calls_left() > self.recipients.len() + CALLS_TO_JUDGE;
            let Some(blocks) = self.range.next(stretch.to + 1, head).filter(|_| room) else {
                break;
            };
            match self.logs(blocks).await {
                Ok(logs) => {
                    ranges += 1;
                    stretch.to = blocks.to;
                    self.range = self.range.succeeded(blocks);
                    let found = logs.iter().filter_map(|log| self.found(log));
                    stretch.found.extend(found);
                }
                Err(Refused::TooWide(narrower)) => self.range = narrower,
                Err(Refused::Lost) => {
                    stretch.ended = Ended::Lost;
                    break;
                }
            }
        }
        stretch
    }

    /// Every log of some blocks that pays one of the recipients.
    async fn logs(&mut self, blocks: BlockSpan) -> Result<Vec<Log>, Refused> {
        let mut all = Vec::new();
        for recipients in &self.recipients {
            let filter = LogFilter {
                blocks,
                contracts: self.contracts.clone(),
                topics: vec![Some(vec![TRANSFER]), None, Some(recipients.clone())],
            };
            match self.chain.ask(self.session, &rpc::logs(&filter)).await {
                Ok(logs) if logs.iter().all(|log| filter.matches(log)) => all.extend(logs),
                Ok(_) => {
                    let details = "it has logs that were not asked for";
                    self.chain.caught(self.session, Fault::Lies, details);
                    return Err(Refused::Lost);
                }
                Err(RpcError::RangeTooWide { hint, max }) => {
                    if let Some(narrower) = self.range.refused(blocks, hint, max) {
                        return Err(Refused::TooWide(narrower));
                    }
                    let error = RpcError::RangeTooWide { hint, max };
                    self.chain.lost(self.session, &error);
                    return Err(Refused::Lost);
                }
                Err(error) => {
                    // Some are too slow for many blocks, and say nothing: fewer
                    // from now on.
                    let narrower = self.range.refused(blocks, None, None);
                    if error == RpcError::Unreachable {
                        self.range = narrower.unwrap_or(self.range);
                    }
                    self.chain.lost(self.session, &error);
                    return Err(Refused::Lost);
                }
            }
        }
        Ok(all)
    }

    /// A log as it is recorded; nothing for one that moves no money.
    fn found(&self, log: &Log) -> Option<Found> {
        let transfer = match transfer::decode(log) {
            Ok(transfer) => transfer,
            Err(NotATransfer::Removed) => return None,
            Err(error) => {
                let line = format!("log {} of {}: {error}", log.index, log.transaction);
                self.tick.warn(&line);
                return None;
            }
        };
        // Anybody can have the contract log a transfer of nothing.
        (transfer.amount.get() > 0).then(|| Found {
            id: self.tick.ports.stamps.new_id(),
            tx_hash: transfer.transaction.to_string(),
            log_index: transfer.log_index.cast_signed(),
            block: transfer.block_number.cast_signed(),
            block_hash: transfer.block_hash.to_string(),
            token: transfer.token.lower(),
            payer: transfer.payer.lower(),
            recipient: transfer.recipient.lower(),
            amount_units: transfer.amount.get(),
        })
    }
}

/// Why there are no logs.
enum Refused {
    /// To be asked with this range.
    TooWide(Adaptive),
    /// The endpoint is not to be asked on.
    Lost,
}
