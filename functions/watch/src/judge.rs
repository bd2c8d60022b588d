//! Judges transfers that were found. Before one is credited the chain is asked
//! once more: whether its transaction took effect, whether its log says what was
//! recorded, and whether its block is still part of the chain.

use crate::chain::{Chain, Session};
use crate::tick::Tick;
use keywright_domain::usdc::matching::{Asked, Paid, Verdict, judge};
use keywright_edge::ports::DatabaseError;
use keywright_providers::polygon::rpc::{self, Block, BlockTag, Receipt, RpcError};
use keywright_providers::polygon::{Hash, transfer};
use keywright_store::rpc_endpoints::Fault;
use keywright_store::transfers::{self, JudgeIds, Seen};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The most transfers that a tick looks at.
const AT_ONCE: i64 = 8;

/// What the chain says of a transfer.
enum Checked {
    /// It is as recorded, in a block of this time, in unix seconds.
    Good(i64),
    /// Nothing that can be used now.
    NotNow,
    /// There is no room to ask, or the endpoint is not to be asked on.
    Over,
}

/// What was asked for already.
#[derive(Default)]
struct Known {
    blocks: BTreeMap<u64, Option<Block>>,
    receipts: BTreeMap<Hash, Option<Receipt>>,
}

/// Judges as many transfers as there is room for.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn all(
    tick: &mut Tick<'_>,
    chain: &mut Chain<'_>,
    session: &Session,
) -> Result<(), DatabaseError> {
    // To load them, and to put some off.
    if !tick.takes(2) {
        return Ok(());
    }
    let waiting = transfers::to_judge(&tick.ports.database, &tick.market, AT_ONCE).await?;
    let mut known = Known::default();
    let mut put_off = Vec::new();
    for seen in &waiting {
        match check(tick, chain, session, &mut known, seen).await {
            Checked::Good(at) => {
                if !decide(tick, seen, at).await? {
                    break;
                }
            }
            Checked::NotNow => put_off.push(seen.id.clone()),
            Checked::Over => break,
        }
    }
    tick.report.put_off = put_off.len();
    if put_off.is_empty() {
        tick.gives_back(1);
        return Ok(());
    }
    transfers::put_off(&tick.ports.database, &put_off, tick.actor.at).await
}

/// Judges one; answers whether there was room.
async fn decide(tick: &mut Tick<'_>, seen: &Seen, at: i64) -> Result<bool, DatabaseError> {
    if !tick.takes(1) {
        return Ok(false);
    }
    let database = &tick.ports.database;
    let orders = transfers::orders_at(database, &tick.market, seen).await?;
    let asked: Vec<Asked<'_>> = orders.iter().map(transfers::Order::asked).collect();
    let paid = Paid {
        amount_units: seen.amount_units,
        at,
        is_our_token: seen.token == tick.market.token,
    };
    let ids = JudgeIds::new(&tick.ports.stamps);
    let verdict = judge(paid, &asked);
    let batch = match verdict {
        Verdict::Settles(order) => {
            transfers::crediting(&tick.actor, &tick.market, seen, order, at, &ids)
        }
        Verdict::Unmatched { reason, invoice_id } => {
            transfers::unmatched(&tick.actor, seen, reason, invoice_id, at, &ids)
        }
    };
    if !tick.takes(batch.len()) {
        return Ok(false);
    }
    let answers = tick.ports.database.batch(batch).await?;
    let is_done = answers.first().is_some_and(|rows| !rows.is_empty());
    match verdict {
        Verdict::Settles(_) => tick.report.credited += usize::from(is_done),
        Verdict::Unmatched { .. } => tick.report.unmatched += usize::from(is_done),
    }
    Ok(true)
}

async fn check(
    tick: &Tick<'_>,
    chain: &mut Chain<'_>,
    session: &Session,
    known: &mut Known,
    seen: &Seen,
) -> Checked {
    let number = seen.block.cast_unsigned();
    let (Ok(transaction), Ok(block_hash)) = (
        seen.tx_hash.parse::<Hash>(),
        seen.block_hash.parse::<Hash>(),
    ) else {
        tick.warn(&format!("transfer {} cannot be read", seen.id));
        return Checked::NotNow;
    };
    if number > session.head.number {
        return Checked::NotNow;
    }
    let read = match known.read(chain, session, number, transaction).await {
        Ok(Some(read)) => read,
        Ok(None) => return Checked::Over,
        Err(error) => {
            chain.lost(session, &error);
            return Checked::Over;
        }
    };
    let (Some(block), Some(receipt)) = read else {
        return Checked::NotNow;
    };
    if block.hash != block_hash || receipt.block_hash != block_hash {
        // Replaced meanwhile: the next tick finds that out by its own cursor.
        return Checked::NotNow;
    }
    if !says_so(&receipt, seen) {
        let details = "the receipt of a transaction contradicts its log";
        chain.caught(session, Fault::Lies, details);
        return Checked::Over;
    }
    Checked::Good(block.time)
}

impl Known {
    /// Block and receipt; nothing when there is no call left for them.
    async fn read(
        &mut self,
        chain: &mut Chain<'_>,
        session: &Session,
        number: u64,
        transaction: Hash,
    ) -> Result<Option<(Option<Block>, Option<Receipt>)>, RpcError> {
        let missing = usize::from(!self.blocks.contains_key(&number))
            + usize::from(!self.receipts.contains_key(&transaction));
        if chain.calls_left() < missing {
            return Ok(None);
        }
        let block = match self.blocks.entry(number) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => {
                let call = rpc::block(BlockTag::Number(number));
                *unknown.insert(chain.ask(session, &call).await?)
            }
        };
        let receipt = match self.receipts.entry(transaction) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let call = rpc::receipt(transaction);
                unknown.insert(chain.ask(session, &call).await?).clone()
            }
        };
        Ok(Some((block, receipt)))
    }
}

/// Whether a receipt has the transfer as it was recorded.
fn says_so(receipt: &Receipt, seen: &Seen) -> bool {
    let transfer = receipt
        .logs
        .iter()
        .filter(|log| log.index == seen.log_index.cast_unsigned())
        .find_map(|log| transfer::decode(log).ok());
    receipt.succeeded
        && receipt.transaction.to_string() == seen.tx_hash
        && transfer.is_some_and(|found| {
            found.token.lower() == seen.token
                && found.payer.lower() == seen.payer
                && found.recipient.lower() == seen.recipient
                && found.amount.get() == seen.amount_units
        })
}
