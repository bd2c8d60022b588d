//! Reads some blocks for some recipients, however much strangers put into them. Ranges
//! become narrower until they are answered. A single block that is not is asked for by
//! its hash and in parts; what is still missing is left to be read by its receipts.

use crate::chain::{ChainClient, EndpointSession};
use crate::tick::Tick;
use keywright_providers::polygon::range::Adaptive;
use keywright_providers::polygon::rpc::{
    self, Block, BlockSpan, BlockTag, Log, LogFilter, MAX_TOPIC_VALUES, RpcError,
};
use keywright_providers::polygon::transfer::{self, NotATransfer, TRANSFER};
use keywright_providers::polygon::{Address, Hash, keccak256};
use keywright_store::chain::rpc_endpoints::EndpointFault;
use keywright_store::chain::transfers::NewTransfer;

/// The most transfers that are recorded at once: together they stay far below what
/// a parameter of a statement may hold.
const TRANSFERS_AT_ONCE: usize = 1_000;

/// Calls that a single block is asked for with, in parts.
const PARTS: usize = 8;

/// Calls without which a single block is not begun with: its hash, whether the endpoint
/// answers at all, and one for each contract. What is left of it then is read by its
/// receipts, so few calls are enough to get past any block.
const FEWEST: usize = 4;

/// Calls without an answer after which a block is not asked for in further parts: each
/// may take as long as a call may.
const SILENCES: usize = 2;

/// Logs that were not asked for.
const FOREIGN: RpcError = RpcError::Malformed("it has logs that were not asked for");

/// How reading with one endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// There is nothing more to read now, or no room for more in this tick.
    Whole,
    /// The endpoint is not to be asked on.
    Lost,
    /// Another tick has moved the cursor.
    Overtaken,
}

/// Some ranges that were read.
pub(crate) struct Stretch {
    /// The last block that was read.
    pub(crate) to: u64,
    /// The same with its hash and time, where these are known.
    pub(crate) end: Option<Block>,
    /// Payments in them.
    pub(crate) found: Vec<NewTransfer>,
    /// Blocks that were not read whole.
    pub(crate) unread: Vec<Block>,
    /// How it ended.
    pub(crate) ended: ReadEnd,
}

/// Reads for a list of recipients.
pub(crate) struct LogReader {
    contracts: Vec<Address>,
    /// Who is paid, in as many calls as the limit of values needs.
    recipients: Vec<Vec<[u8; 32]>>,
    /// How many blocks are asked for at once.
    pub(crate) range: Adaptive,
    /// The same before blocks with too many results were met.
    usual: Option<Adaptive>,
}

/// Why there are no logs.
enum LogsRefusal {
    /// To be asked with this range.
    Narrower(Adaptive),
    /// A single block, for this reason.
    OneBlock(RpcError),
    /// The endpoint is not to be asked on.
    Lost,
}

impl LogReader {
    /// A reader for addresses, lower case.
    pub(crate) fn new(tick: &Tick<'_>, addresses: &[String], range: Adaptive) -> Self {
        let mut all: Vec<[u8; 32]> = addresses
            .iter()
            .filter_map(|text| text.parse::<Address>().ok())
            .map(|address| address.to_word())
            .collect();
        all.sort_unstable();
        all.dedup();
        Self {
            contracts: tick.settings.contracts(),
            recipients: all.chunks(MAX_TOPIC_VALUES).map(<[_]>::to_vec).collect(),
            range,
            usual: None,
        }
    }

    /// Calls that a range takes.
    pub(crate) fn calls(&self) -> usize {
        self.recipients.len()
    }

    /// Reads a few ranges behind a block and up to another one.
    pub(crate) async fn stretch(
        &mut self,
        tick: &Tick<'_>,
        chain: &mut ChainClient<'_>,
        session: &EndpointSession,
        [behind, up_to]: [u64; 2],
        at_once: usize,
    ) -> Stretch {
        let mut stretch = Stretch {
            to: behind,
            end: None,
            found: Vec::new(),
            unread: Vec::new(),
            ended: ReadEnd::Whole,
        };
        if self.recipients.is_empty() {
            // Nobody can be paid.
            stretch.to = up_to;
            return stretch;
        }
        let mut ranges = 0;
        while ranges < at_once && stretch.found.len() < TRANSFERS_AT_ONCE {
            // One call is kept for the block that the stretch ends at.
            let room = chain.calls_left() > self.calls();
            let Some(blocks) = self.range.next(stretch.to + 1, up_to).filter(|_| room) else {
                break;
            };
            match self.logs(chain, session, blocks).await {
                Ok(logs) => {
                    ranges += 1;
                    stretch.to = blocks.to;
                    self.range = self.range.succeeded(blocks);
                    let found = logs.iter().filter_map(|log| found(tick, log));
                    stretch.found.extend(found);
                }
                Err(LogsRefusal::Narrower(narrower)) => self.range = narrower,
                Err(LogsRefusal::OneBlock(error)) => {
                    let number = blocks.from;
                    if self
                        .one_block(tick, chain, session, &mut stretch, number, &error)
                        .await
                    {
                        self.range = self.usual.take().unwrap_or(self.range);
                    }
                    break;
                }
                Err(LogsRefusal::Lost) => {
                    stretch.ended = ReadEnd::Lost;
                    break;
                }
            }
        }
        stretch
    }

    fn filter(&self, blocks: BlockSpan, recipients: Vec<[u8; 32]>) -> LogFilter {
        LogFilter {
            blocks,
            block_hash: None,
            contracts: self.contracts.clone(),
            topics: vec![Some(vec![TRANSFER]), None, Some(recipients)],
        }
    }

    /// Every log of some blocks that pays one of the recipients.
    async fn logs(
        &mut self,
        chain: &mut ChainClient<'_>,
        session: &EndpointSession,
        blocks: BlockSpan,
    ) -> Result<Vec<Log>, LogsRefusal> {
        let mut all = Vec::new();
        for recipients in self.recipients.clone() {
            let filter = self.filter(blocks, recipients);
            match ask(chain, session, &filter).await {
                Ok(logs) => all.extend(logs),
                Err(error) => return Err(self.refused(chain, session, blocks, error)),
            }
        }
        Ok(all)
    }

    /// What follows from an error.
    fn refused(
        &mut self,
        chain: &mut ChainClient<'_>,
        session: &EndpointSession,
        blocks: BlockSpan,
        error: RpcError,
    ) -> LogsRefusal {
        let narrower = match &error {
            RpcError::RangeTooWide { hint, max } => self.range.refused(blocks, *hint, *max),
            RpcError::TooManyResults { hint } => {
                self.usual.get_or_insert(self.range);
                self.range.too_many(blocks, *hint)
            }
            RpcError::CutOff => {
                self.usual.get_or_insert(self.range);
                self.range.too_many(blocks, None)
            }
            error if *error == FOREIGN => {
                chain.report_fault(
                    session,
                    EndpointFault::Lies,
                    "it has logs that were not asked for",
                );
                return LogsRefusal::Lost;
            }
            // Some are too slow for many blocks, or break over what is in them, and say
            // nothing of it: fewer from the next tick on.
            RpcError::Unreachable
            | RpcError::Status { .. }
            | RpcError::Refused { .. }
            | RpcError::Malformed(_) => {
                let is_silence = error == RpcError::Unreachable;
                let Some(narrower) = self.range.unanswered(blocks, is_silence) else {
                    return LogsRefusal::OneBlock(error);
                };
                self.range = narrower;
                chain.report_failure(session, &error);
                return LogsRefusal::Lost;
            }
            _ => {
                chain.report_failure(session, &error);
                return LogsRefusal::Lost;
            }
        };
        narrower.map_or(LogsRefusal::OneBlock(error), LogsRefusal::Narrower)
    }

    /// Reads a single block that was refused, in parts. Answers whether it counts as
    /// read: also when parts of it are missing, because other blocks must not wait for
    /// what a stranger put into this one.
    async fn one_block(
        &self,
        tick: &Tick<'_>,
        chain: &mut ChainClient<'_>,
        session: &EndpointSession,
        stretch: &mut Stretch,
        number: u64,
        error: &RpcError,
    ) -> bool {
        if chain.calls_left() < FEWEST {
            // The next tick begins with it.
            return false;
        }
        let call = rpc::block(BlockTag::Number(number));
        let block = match chain.ask(session, &call).await {
            Ok(Some(block)) if block.number == number => block,
            Ok(_) => {
                let details = "it lacks a block below its newest one";
                chain.report_fault(session, EndpointFault::Lies, details);
                stretch.ended = ReadEnd::Lost;
                return false;
            }
            Err(error) => {
                chain.report_failure(session, &error);
                stretch.ended = ReadEnd::Lost;
                return false;
            }
        };
        // An endpoint that does not answer for a recipient that nobody could know
        // beforehand does not answer at all: then it is not about the block.
        let span = BlockSpan {
            from: number,
            to: number,
        };
        let nobody = keccak256(block.hash.as_bytes());
        let mut word = [0; 32];
        word[12..].copy_from_slice(&nobody[12..]);
        if ask(chain, session, &self.filter(span, vec![word]))
            .await
            .is_err()
        {
            chain.report_failure(session, error);
            stretch.ended = ReadEnd::Lost;
            return false;
        }
        let (logs, is_whole) = self.parts(chain, session, span, block.hash).await;
        stretch
            .found
            .extend(logs.iter().filter_map(|log| found(tick, log)));
        if !is_whole {
            tick.warn(&format!("block {number} is read by its receipts: {error}"));
            stretch.unread.push(block);
        }
        stretch.to = number;
        stretch.end = Some(block);
        true
    }

    /// What can be had of a block, by contract and recipients, and whether that is all.
    async fn parts(
        &self,
        chain: &mut ChainClient<'_>,
        session: &EndpointSession,
        span: BlockSpan,
        hash: Hash,
    ) -> (Vec<Log>, bool) {
        let mut parts: Vec<(Address, Vec<[u8; 32]>)> = self
            .contracts
            .iter()
            .flat_map(|contract| self.recipients.iter().map(|some| (*contract, some.clone())))
            .collect();
        let (mut logs, mut is_whole) = (Vec::new(), true);
        let (mut calls, mut silences) = (0, 0);
        let mut block_hash = Some(hash);
        while let Some((contract, recipients)) = parts.pop() {
            if calls >= PARTS || silences >= SILENCES || chain.calls_left() == 0 {
                return (logs, false);
            }
            calls += 1;
            let filter = LogFilter {
                block_hash,
                contracts: vec![contract],
                ..self.filter(span, recipients.clone())
            };
            match ask(chain, session, &filter).await {
                Ok(some) => logs.extend(some.into_iter().filter(|log| log.block_hash == hash)),
                Err(error) => {
                    silences += usize::from(error == RpcError::Unreachable);
                    if block_hash.is_some() && matches!(error, RpcError::Refused { .. }) {
                        // Some know a block by its number only.
                        block_hash = None;
                        parts.push((contract, recipients));
                    } else if recipients.len() > 1 {
                        let (one, other) = recipients.split_at(recipients.len() / 2);
                        parts.extend([(contract, one.to_vec()), (contract, other.to_vec())]);
                    } else {
                        is_whole = false;
                    }
                }
            }
        }
        (logs, is_whole)
    }
}

/// Asks for logs; those that were not asked for count as none.
async fn ask(
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    filter: &LogFilter,
) -> Result<Vec<Log>, RpcError> {
    let logs = chain.ask(session, &rpc::logs(filter)).await?;
    if logs.iter().all(|log| filter.matches(log)) {
        return Ok(logs);
    }
    Err(FOREIGN)
}

/// A log as it is recorded; nothing for one that moves no money.
pub(crate) fn found(tick: &Tick<'_>, log: &Log) -> Option<NewTransfer> {
    let transfer = match transfer::decode(log) {
        Ok(transfer) => transfer,
        Err(NotATransfer::Removed) => return None,
        Err(error) => {
            let line = format!("log {} of {}: {error}", log.index, log.transaction);
            tick.warn(&line);
            return None;
        }
    };
    (transfer.amount.get() > 0).then(|| NewTransfer {
        id: tick.ports.stamps.new_id(),
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
