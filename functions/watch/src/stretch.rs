//! Reads the transfers to some recipients in some blocks, even if strangers fill those
//! blocks with spam. Ranges become narrower until the endpoint answers. A single block
//! without an answer is requested by its hash and in parts; if parts are still missing,
//! the block is left to a chain job, which reads its receipts.

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

/// Maximum number of transfers that are recorded at once, far below the size limit of a
/// statement's parameter.
const MAX_TRANSFERS: usize = 1_000;

/// Maximum number of calls for the parts of a single block.
const MAX_PARTS: usize = 8;

/// Calls that a single block needs: its hash, a check that the endpoint answers at all,
/// and one for each contract. The rest of the block is read by its receipts, so that a few
/// calls are enough to get past any block.
const MIN_BLOCK_CALLS: usize = 4;

/// Number of unanswered calls after which no further parts of a block are requested:
/// each may take until its timeout.
const MAX_TIMEOUTS: usize = 2;

/// The answer contains logs that do not match the request.
const UNREQUESTED_LOGS: RpcError = RpcError::Malformed("it returned logs that were not requested");

/// How reading with one endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadEnd {
    /// Nothing is left to read now, or no calls or statements are left in this tick.
    Whole,
    /// The endpoint failed and is not used again in this tick.
    Lost,
    /// Another tick has moved the cursor.
    Overtaken,
}

/// The blocks of a few ranges that were read.
pub(crate) struct Stretch {
    /// The last block that was read.
    pub(crate) to: u64,
    /// The last block with its hash and time, if known.
    pub(crate) end: Option<Block>,
    /// The transfers in these blocks.
    pub(crate) found: Vec<NewTransfer>,
    /// Blocks that were not read completely.
    pub(crate) unread: Vec<Block>,
    /// How it ended.
    pub(crate) ended: ReadEnd,
}

/// Reads the transfers to a list of recipients.
pub(crate) struct LogReader {
    contracts: Vec<Address>,
    /// The recipients, in chunks of as many values as a call may hold.
    recipients: Vec<Vec<[u8; 32]>>,
    /// How many blocks are requested at once.
    pub(crate) range: Adaptive,
    /// The range before a block with too many results narrowed it.
    usual: Option<Adaptive>,
}

/// Why an endpoint returned no logs.
enum LogsRefusal {
    /// Try again with this narrower range.
    Narrower(Adaptive),
    /// Even a single block is refused, for this reason.
    OneBlock(RpcError),
    /// The endpoint failed and is not used again in this tick.
    Lost,
}

impl LogReader {
    /// A reader for these lower-case addresses.
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

    /// Number of calls for each range.
    pub(crate) fn calls(&self) -> usize {
        self.recipients.len()
    }

    /// Reads at most `at_once` ranges of the blocks after `behind` up to `up_to`.
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
            // There is no address to pay to.
            stretch.to = up_to;
            return stretch;
        }
        let mut ranges = 0;
        while ranges < at_once && stretch.found.len() < MAX_TRANSFERS {
            // One call is reserved for the last block of the stretch.
            let room = chain.calls_left() > self.calls();
            let Some(blocks) = self.range.next(stretch.to + 1, up_to).filter(|_| room) else {
                break;
            };
            match self.logs(chain, session, blocks).await {
                Ok(logs) => {
                    ranges += 1;
                    stretch.to = blocks.to;
                    self.range = self.range.succeeded(blocks);
                    let host = chain.host(session);
                    let found = logs.iter().filter_map(|log| read_transfer(tick, log, host));
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

    /// All logs of some blocks that pay one of the recipients.
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

    /// Decides what to do after an error.
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
            error if *error == UNREQUESTED_LOGS => {
                chain.report_fault(
                    session,
                    EndpointFault::Lies,
                    "it returned logs that were not requested",
                );
                return LogsRefusal::Lost;
            }
            // Some endpoints are too slow for many blocks, or fail on their contents,
            // without saying so. The next tick requests fewer blocks.
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

    /// Reads a refused block in parts. Returns true when the block counts as read. It does
    /// so even when parts are missing, because other blocks must not wait for the spam that
    /// a stranger put into this one.
    async fn one_block(
        &self,
        tick: &Tick<'_>,
        chain: &mut ChainClient<'_>,
        session: &EndpointSession,
        stretch: &mut Stretch,
        number: u64,
        error: &RpcError,
    ) -> bool {
        if chain.calls_left() < MIN_BLOCK_CALLS {
            // The next tick starts with this block.
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
        // Nobody can have sent spam to a recipient that is derived from the block's hash.
        // An endpoint that gives no answer for it fails whatever the block contains.
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
        let host = chain.host(session);
        let found = logs.iter().filter_map(|log| read_transfer(tick, log, host));
        stretch.found.extend(found);
        if !is_whole {
            tick.warn(&format!(
                "block {number} will be read by its receipts: {error}"
            ));
            stretch.unread.push(block);
        }
        stretch.to = number;
        stretch.end = Some(block);
        true
    }

    /// The logs of a block by contract and recipients, and whether they are complete.
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
        let (mut calls, mut timeouts) = (0, 0);
        let mut block_hash = Some(hash);
        while let Some((contract, recipients)) = parts.pop() {
            if calls >= MAX_PARTS || timeouts >= MAX_TIMEOUTS || chain.calls_left() == 0 {
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
                    timeouts += usize::from(error == RpcError::Unreachable);
                    if block_hash.is_some() && matches!(error, RpcError::Refused { .. }) {
                        // Some endpoints accept only a block number.
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

/// Requests logs; an answer with other logs is an error.
async fn ask(
    chain: &mut ChainClient<'_>,
    session: &EndpointSession,
    filter: &LogFilter,
) -> Result<Vec<Log>, RpcError> {
    let logs = chain.ask(session, &rpc::logs(filter)).await?;
    if logs.iter().all(|log| filter.matches(log)) {
        return Ok(logs);
    }
    Err(UNREQUESTED_LOGS)
}

/// A log as it is recorded, as this host reported it; `None` when it moves no money.
///
/// # Errors
/// Why the log is not a transfer.
pub(crate) fn new_transfer(
    log: &Log,
    found_by: &str,
    new_id: impl Fn() -> String,
) -> Result<Option<NewTransfer>, NotATransfer> {
    let transfer = match transfer::decode(log) {
        Ok(transfer) => transfer,
        Err(NotATransfer::Removed) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok((transfer.amount.get() > 0).then(|| NewTransfer {
        id: new_id(),
        tx_hash: transfer.transaction.to_string(),
        log_index: transfer.log_index.cast_signed(),
        block: transfer.block_number.cast_signed(),
        block_hash: transfer.block_hash.to_string(),
        token: transfer.token.lower(),
        payer: transfer.payer.lower(),
        recipient: transfer.recipient.lower(),
        amount_units: transfer.amount.get(),
        found_by: found_by.to_owned(),
    }))
}

/// As [`new_transfer`], with a warning for a log that is not a transfer.
fn read_transfer(tick: &Tick<'_>, log: &Log, found_by: &str) -> Option<NewTransfer> {
    new_transfer(log, found_by, || tick.ports.stamps.new_id()).unwrap_or_else(|error| {
        tick.warn(&format!(
            "log {} of {}: {error}",
            log.index, log.transaction
        ));
        None
    })
}
