//! The endpoints that are asked about a transfer, one after the other, until as many
//! as are needed bear it out. What one of them cannot or will not say counts for that
//! transfer only: it neither sets the endpoint aside nor keeps other transfers waiting.

use crate::chain::{ChainClient, EndpointSession, Witness};
use keywright_domain::usdc::evidence::is_borne_out;
use keywright_providers::polygon::rpc::{
    self, Block, BlockSpan, BlockTag, Log, LogFilter, Receipt, RpcError,
};
use keywright_providers::polygon::transfer::{self, TRANSFER};
use keywright_providers::polygon::{Address, Hash};
use keywright_store::chain::transfer_queue::QueuedTransfer;
use std::collections::BTreeMap;

/// Calls that one endpoint takes at most: to see that it is of the chain and how far
/// it is, then the block, the receipt, and the logs where there is no receipt.
const CALLS_OF_ONE: usize = 4 + 3;

/// Calls that failed after which an endpoint is asked no more in this tick. One may be
/// the transfer's fault: its receipt can be larger than the endpoint manages.
const MOST_FAILURES: usize = 2;

/// What came of asking.
pub(crate) enum Corroboration {
    /// As many as are needed bear it out.
    Confirmed {
        /// Time of the block, in unix seconds.
        at: i64,
        /// The hosts.
        by: String,
    },
    /// They do not; what they said.
    Open(String),
    /// There were no calls left for it.
    OutOfCalls,
}

/// The endpoints, as far as they were asked in this tick.
pub(crate) struct Panel {
    members: Vec<Member>,
    /// Those that were not opened yet.
    waiting: std::vec::IntoIter<Witness>,
    /// What kept others from being asked.
    absent: Vec<String>,
}

struct Member {
    witness: Witness,
    session: EndpointSession,
    failures: usize,
    blocks: BTreeMap<u64, Option<Block>>,
    receipts: BTreeMap<Hash, Option<Receipt>>,
}

/// What one endpoint says of a transfer.
enum Testimony {
    /// It is as recorded, in a block of this time.
    Borne(i64),
    /// It is not, or not known there.
    Not(&'static str),
    /// The endpoint failed.
    Failed(String),
}

/// A recorded transfer, read.
struct SoughtTransfer<'a> {
    seen: &'a QueuedTransfer,
    block: u64,
    block_hash: Hash,
    transaction: Hash,
}

impl Panel {
    /// A panel that begins with the endpoint that was read, where there is one.
    pub(crate) fn new(chain: &ChainClient<'_>, session: Option<&EndpointSession>) -> Self {
        let (mut members, mut waiting) = (Vec::new(), chain.witnesses());
        if let Some(session) = session
            && let Some(at) = waiting.iter().position(|witness| session.is_with(witness))
        {
            members.push(Member::new(waiting.remove(at), session.clone()));
        }
        Self {
            members,
            waiting: waiting.into_iter(),
            absent: Vec::new(),
        }
    }

    /// Asks about a transfer until `needed` endpoints bear it out.
    pub(crate) async fn ask(
        &mut self,
        chain: &mut ChainClient<'_>,
        seen: &QueuedTransfer,
        needed: usize,
    ) -> Corroboration {
        let (Ok(transaction), Ok(block_hash)) = (seen.tx_hash.parse(), seen.block_hash.parse())
        else {
            return Corroboration::Open("what is recorded of it cannot be read".to_owned());
        };
        let sought = SoughtTransfer {
            seen,
            block: seen.block.cast_unsigned(),
            block_hash,
            transaction,
        };
        let mut said: Vec<String> = Vec::new();
        let mut by: Vec<String> = Vec::new();
        let mut time = None;
        let mut next = 0;
        while by.len() < needed {
            let is_new = next == self.members.len();
            if chain.calls_left() < CALLS_OF_ONE && !(is_new && self.waiting.len() == 0) {
                return Corroboration::OutOfCalls;
            }
            if is_new && !self.another(chain).await {
                break;
            }
            let Some(member) = self.members.get_mut(next) else {
                continue;
            };
            next += 1;
            let host = member.witness.host.clone();
            match member.word(chain, &sought).await {
                Testimony::Borne(at) if time.is_none_or(|time| time == at) => {
                    time = Some(at);
                    by.push(host);
                }
                Testimony::Borne(_) => said.push(format!("{host}: its block is of another time")),
                Testimony::Not(why) => said.push(format!("{host}: {why}")),
                Testimony::Failed(why) => said.push(format!("{host}: {why}")),
            }
        }
        if let (Some(at), true) = (time, by.len() >= needed) {
            return Corroboration::Confirmed {
                at,
                by: by.join(", "),
            };
        }
        said.extend(self.absent.iter().cloned());
        if by.is_empty() {
            return Corroboration::Open(said.join("; "));
        }
        said.insert(0, format!("confirmed by {} only", by.join(", ")));
        Corroboration::Open(said.join("; "))
    }

    /// Opens one more endpoint, of a party that is not asked yet. Answers whether
    /// there may be one: it is then the last member, or none could be opened.
    async fn another(&mut self, chain: &mut ChainClient<'_>) -> bool {
        for witness in self.waiting.by_ref() {
            if self
                .members
                .iter()
                .any(|one| one.witness.party == witness.party)
            {
                continue;
            }
            if chain.calls_left() < CALLS_OF_ONE {
                // Asked by the next tick.
                return false;
            }
            match chain.join(&witness).await {
                Some(session) => {
                    self.members.push(Member::new(witness, session));
                    return true;
                }
                None => self
                    .absent
                    .push(format!("{}: cannot be asked now", witness.host)),
            }
        }
        false
    }
}

impl Member {
    fn new(witness: Witness, session: EndpointSession) -> Self {
        Self {
            witness,
            session,
            failures: 0,
            blocks: BTreeMap::new(),
            receipts: BTreeMap::new(),
        }
    }

    async fn word(
        &mut self,
        chain: &mut ChainClient<'_>,
        sought: &SoughtTransfer<'_>,
    ) -> Testimony {
        if self.failures >= MOST_FAILURES {
            return Testimony::Failed("it failed too often".to_owned());
        }
        if sought.block > self.session.head.number {
            return Testimony::Not("its newest final block is older");
        }
        match self.read(chain, sought).await {
            Ok(word) => word,
            Err(error) => {
                let is_whole =
                    matches!(error, RpcError::RateLimited | RpcError::Unauthorized { .. });
                self.failures += if is_whole { MOST_FAILURES } else { 1 };
                if self.failures >= MOST_FAILURES {
                    chain.report_failure(&self.session, &error);
                }
                Testimony::Failed(error.to_string())
            }
        }
    }

    async fn read(
        &mut self,
        chain: &mut ChainClient<'_>,
        sought: &SoughtTransfer<'_>,
    ) -> Result<Testimony, RpcError> {
        let Some(block) = self.block(chain, sought.block).await? else {
            return Ok(Testimony::Not("it lacks the block"));
        };
        if block.hash != sought.block_hash {
            // Replaced meanwhile: the next tick finds that out by its own cursor.
            return Ok(Testimony::Not("it has another block in that place"));
        }
        let receipt = match self.receipt(chain, sought.transaction).await {
            Ok(Some(receipt)) => receipt,
            Ok(None) => return Ok(Testimony::Not("it knows no receipt of the transaction")),
            Err(error @ (RpcError::RateLimited | RpcError::Unauthorized { .. })) => {
                return Err(error);
            }
            // Too large, or more than the endpoint manages: then only what went from
            // this payer to this recipient in the block.
            Err(_) => return self.by_logs(chain, sought, block.time).await,
        };
        if receipt.transaction != sought.transaction || receipt.block_hash != sought.block_hash {
            return Ok(Testimony::Not(
                "its receipt is of another transaction or block",
            ));
        }
        if !receipt.succeeded {
            return Ok(Testimony::Not(
                "its receipt says that the transaction failed",
            ));
        }
        Ok(if sought.is_in(&receipt.logs) {
            Testimony::Borne(block.time)
        } else {
            Testimony::Not("its receipt does not have the transfer")
        })
    }

    async fn by_logs(
        &mut self,
        chain: &mut ChainClient<'_>,
        sought: &SoughtTransfer<'_>,
        time: i64,
    ) -> Result<Testimony, RpcError> {
        let address = |text: &str| text.parse::<Address>();
        let seen = sought.seen;
        let (Ok(token), Ok(payer), Ok(recipient)) = (
            address(&seen.token),
            address(&seen.payer),
            address(&seen.recipient),
        ) else {
            return Ok(Testimony::Not("what is recorded of it cannot be read"));
        };
        let filter = LogFilter {
            blocks: BlockSpan {
                from: sought.block,
                to: sought.block,
            },
            block_hash: None,
            contracts: vec![token],
            topics: vec![
                Some(vec![TRANSFER]),
                Some(vec![payer.to_word()]),
                Some(vec![recipient.to_word()]),
            ],
        };
        let mut logs = chain.ask(&self.session, &rpc::logs(&filter)).await?;
        logs.retain(|log| {
            filter.matches(log)
                && log.transaction == sought.transaction
                && log.block_hash == sought.block_hash
        });
        Ok(if sought.is_in(&logs) {
            Testimony::Borne(time)
        } else {
            Testimony::Not("its logs do not have the transfer")
        })
    }

    async fn block(
        &mut self,
        chain: &mut ChainClient<'_>,
        number: u64,
    ) -> Result<Option<Block>, RpcError> {
        if let Some(known) = self.blocks.get(&number) {
            return Ok(*known);
        }
        let call = rpc::block(BlockTag::Number(number));
        let block = chain.ask(&self.session, &call).await?;
        self.blocks.insert(number, block);
        Ok(block)
    }

    async fn receipt(
        &mut self,
        chain: &mut ChainClient<'_>,
        transaction: Hash,
    ) -> Result<Option<&Receipt>, RpcError> {
        if !self.receipts.contains_key(&transaction) {
            let call = rpc::receipt(transaction);
            let receipt = chain.ask(&self.session, &call).await?;
            self.receipts.insert(transaction, receipt);
        }
        Ok(self.receipts.get(&transaction).and_then(Option::as_ref))
    }
}

impl SoughtTransfer<'_> {
    /// Whether the logs of the transaction bear the transfer out: by what moved from
    /// whom to whom, and by the log's number only where several are equal.
    fn is_in(&self, logs: &[Log]) -> bool {
        let seen = self.seen;
        let told: Vec<i64> = logs
            .iter()
            .filter_map(|log| transfer::decode(log).ok())
            .filter(|found| {
                found.transaction == self.transaction
                    && found.token.lower() == seen.token
                    && found.payer.lower() == seen.payer
                    && found.recipient.lower() == seen.recipient
                    && found.amount.get() == seen.amount_units
            })
            .map(|found| found.log_index.cast_signed())
            .collect();
        is_borne_out(seen.log_index, &seen.twins, &told)
    }
}
