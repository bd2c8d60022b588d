//! Corroborates a recorded transfer: asks one endpoint after the other until enough of
//! them confirm it. An endpoint that cannot confirm a transfer is not set aside for that,
//! and other transfers do not wait.

use crate::chain::{ChainClient, EndpointSession, Witness};
use keywright_domain::usdc::evidence::is_borne_out;
use keywright_providers::polygon::rpc::{
    self, Block, BlockSpan, BlockTag, Log, LogFilter, Receipt, RpcError,
};
use keywright_providers::polygon::transfer::{self, TRANSFER};
use keywright_providers::polygon::{Address, Hash};
use keywright_store::chain::transfer_queue::QueuedTransfer;
use std::collections::BTreeMap;

/// Maximum number of calls to one endpoint: four to learn its chain and its newest final
/// block, then the block, the receipt, and the logs where there is no receipt.
const CALLS_PER_ENDPOINT: usize = 4 + 3;

/// Number of failed calls after which an endpoint is not asked again in this tick. One
/// failure may be the transfer's fault: its receipt can be too large for the endpoint.
const MAX_FAILURES: usize = 2;

/// The result of asking the endpoints about a transfer.
pub(crate) enum Corroboration {
    /// Enough endpoints confirm it.
    Confirmed {
        /// Time of the block, in unix seconds.
        at: i64,
        /// The hosts of the endpoints, separated by commas.
        by: String,
    },
    /// They do not; holds what each said.
    Unconfirmed(String),
    /// No calls were left.
    OutOfCalls,
}

/// The endpoints that were asked about transfers in this tick.
pub(crate) struct Panel {
    members: Vec<Member>,
    /// Endpoints that were not opened yet.
    waiting: std::vec::IntoIter<Witness>,
    /// Why other endpoints could not be asked.
    absent: Vec<String>,
}

struct Member {
    witness: Witness,
    session: EndpointSession,
    failures: usize,
    blocks: BTreeMap<u64, Option<Block>>,
    receipts: BTreeMap<Hash, Option<Receipt>>,
}

/// What one endpoint says about a transfer.
enum Testimony {
    /// It is as recorded; holds the time of its block, in unix seconds.
    Confirms(i64),
    /// It is different, or unknown there; holds the reason.
    Denies(&'static str),
    /// The endpoint failed.
    Failed(String),
}

/// A recorded transfer, with its hashes parsed.
struct SoughtTransfer<'a> {
    seen: &'a QueuedTransfer,
    block: u64,
    block_hash: Hash,
    transaction: Hash,
}

impl Panel {
    /// A panel that asks `session` first, the endpoint that was read.
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

    /// Asks about a transfer until `needed` endpoints confirm it.
    pub(crate) async fn ask(
        &mut self,
        chain: &mut ChainClient<'_>,
        seen: &QueuedTransfer,
        needed: usize,
    ) -> Corroboration {
        let (Ok(transaction), Ok(block_hash)) = (seen.tx_hash.parse(), seen.block_hash.parse())
        else {
            return Corroboration::Unconfirmed("its recorded data cannot be parsed".to_owned());
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
            if chain.calls_left() < CALLS_PER_ENDPOINT && !(is_new && self.waiting.len() == 0) {
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
            match member.testimony(chain, &sought).await {
                Testimony::Confirms(at) if time.is_none_or(|time| time == at) => {
                    time = Some(at);
                    by.push(host);
                }
                Testimony::Confirms(_) => {
                    said.push(format!("{host}: its block has a different time"));
                }
                Testimony::Denies(why) => said.push(format!("{host}: {why}")),
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
            return Corroboration::Unconfirmed(said.join("; "));
        }
        said.insert(0, format!("confirmed by {} only", by.join(", ")));
        Corroboration::Unconfirmed(said.join("; "))
    }

    /// Opens an endpoint of a party that was not asked yet, as the last member. Returns
    /// false when there is none, or no calls are left.
    async fn another(&mut self, chain: &mut ChainClient<'_>) -> bool {
        for witness in self.waiting.by_ref() {
            if self
                .members
                .iter()
                .any(|one| one.witness.party == witness.party)
            {
                continue;
            }
            if chain.calls_left() < CALLS_PER_ENDPOINT {
                // The next tick asks it.
                return false;
            }
            match chain.join(&witness).await {
                Some(session) => {
                    self.members.push(Member::new(witness, session));
                    return true;
                }
                None => self.absent.push(format!("{}: unavailable", witness.host)),
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

    async fn testimony(
        &mut self,
        chain: &mut ChainClient<'_>,
        sought: &SoughtTransfer<'_>,
    ) -> Testimony {
        if self.failures >= MAX_FAILURES {
            return Testimony::Failed("too many of its calls failed".to_owned());
        }
        if sought.block > self.session.head.number {
            return Testimony::Denies("its newest final block is older");
        }
        match self.read(chain, sought).await {
            Ok(testimony) => testimony,
            Err(error) => {
                let is_whole =
                    matches!(error, RpcError::RateLimited | RpcError::Unauthorized { .. });
                self.failures += if is_whole { MAX_FAILURES } else { 1 };
                if self.failures >= MAX_FAILURES {
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
            return Ok(Testimony::Denies("it lacks the block"));
        };
        if block.hash != sought.block_hash {
            // The block was replaced; the next tick notices it at the cursor.
            return Ok(Testimony::Denies(
                "it has a different block with this number",
            ));
        }
        let receipt = match self.receipt(chain, sought.transaction).await {
            Ok(Some(receipt)) => receipt,
            Ok(None) => return Ok(Testimony::Denies("it has no receipt of the transaction")),
            Err(error @ (RpcError::RateLimited | RpcError::Unauthorized { .. })) => {
                return Err(error);
            }
            // The receipt may be too large for the endpoint. Ask only for transfers from
            // this payer to this recipient in the block.
            Err(_) => return self.by_logs(chain, sought, block.time).await,
        };
        if receipt.transaction != sought.transaction || receipt.block_hash != sought.block_hash {
            return Ok(Testimony::Denies(
                "its receipt is of a different transaction or block",
            ));
        }
        if !receipt.succeeded {
            return Ok(Testimony::Denies(
                "its receipt says that the transaction failed",
            ));
        }
        Ok(if sought.is_in(&receipt.logs) {
            Testimony::Confirms(block.time)
        } else {
            Testimony::Denies("the transfer is not in its receipt")
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
            return Ok(Testimony::Denies("its recorded data cannot be parsed"));
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
            Testimony::Confirms(time)
        } else {
            Testimony::Denies("the transfer is not in its logs")
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
    /// True when the logs of the transaction contain the transfer: same token, payer,
    /// recipient and amount. The log's number counts only where several are equal.
    fn is_in(&self, logs: &[Log]) -> bool {
        let seen = self.seen;
        let log_indexes: Vec<i64> = logs
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
        is_borne_out(seen.log_index, &seen.twins, &log_indexes)
    }
}
