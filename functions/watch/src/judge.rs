//! Judges recorded transfers. First the endpoints are asked again, two of them where two
//! are configured: the transfer's block must still be part of the chain, its transaction
//! must have succeeded, and the transfer must be as recorded. A transfer that cannot be
//! judged now is postponed, and others do not wait for it.

use crate::chain::{ChainClient, EndpointSession};
use crate::panel::{Corroboration, Panel};
use crate::tick::Tick;
use keywright_domain::usdc::matching::{
    CandidateOrder, PaidTransfer, UnmatchedReason, Verdict, judge,
};
use keywright_ports::DatabaseError;
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_store::chain::transfer_crediting;
use keywright_store::chain::transfer_judging::{
    self, CandidateRow, ConfirmedTransfer, JudgeIds, REPORTED_FROM,
};
use keywright_store::chain::transfer_queue::{
    self, PostponedTransfer, QueuedTransfer, STATEMENTS_TO_PUT_OFF,
};
use keywright_store::chain::transfer_unmatched::{self, UnmatchedTransfer};

/// Maximum number of transfers that a tick judges.
const MAX_TRANSFERS: i64 = 16;

/// Statements that reading leaves for judging: loading the queue, postponing, loading the
/// orders of one transfer, and the largest batch that settles an order.
pub(crate) const STATEMENTS_TO_JUDGE: usize = 1 + STATEMENTS_TO_PUT_OFF + 1 + 16;

/// Judges as many transfers as there is room for. `session` is the endpoint that was
/// read, where there is one.
pub(crate) async fn judge_waiting(
    tick: &mut Tick<'_>,
    chain: &mut ChainClient<'_>,
    session: Option<&EndpointSession>,
) -> Result<(), DatabaseError> {
    let keys = match &tick.ports.receipt_keys {
        Ok(keys) => keys.clone(),
        Err(error) => {
            tick.warn(&format!("no transfer is judged: {error}"));
            return Ok(());
        }
    };
    if !tick.reserve_statements(1 + STATEMENTS_TO_PUT_OFF) {
        return Ok(());
    }
    let (database, now) = (&tick.ports.database, tick.actor.at);
    let waiting = transfer_queue::to_judge(database, &tick.market, now, MAX_TRANSFERS).await?;
    let mut put_off = Vec::new();
    if !waiting.is_empty() {
        let mut panel = Panel::new(chain, session);
        for (turn, seen) in waiting.iter().enumerate() {
            // A transfer that is too small to report needs no second endpoint.
            let needed = if seen.amount_units < REPORTED_FROM {
                1
            } else {
                tick.settings.witnesses_needed()
            };
            match panel.ask(chain, seen, needed).await {
                Corroboration::Confirmed { at, by } => {
                    if !decide(tick, &keys, seen, at, &by).await? {
                        break;
                    }
                }
                Corroboration::Unconfirmed(reasons) => {
                    put_off.push(PostponedTransfer::new(seen, &reasons));
                }
                Corroboration::OutOfCalls => {
                    // A transfer that needs more calls than a tick has must not block others.
                    if turn == 0 {
                        put_off.push(PostponedTransfer::new(
                            seen,
                            "it needs more calls than a tick has",
                        ));
                    }
                    break;
                }
            }
        }
    }
    tick.report.put_off = put_off.len();
    if put_off.is_empty() {
        tick.release_statements(STATEMENTS_TO_PUT_OFF);
        return Ok(());
    }
    let (database, stamps) = (&tick.ports.database, &tick.ports.stamps);
    transfer_queue::put_off(database, &tick.actor, stamps, &put_off).await
}

/// Judges one transfer; returns false when no statements are left.
async fn decide(
    tick: &mut Tick<'_>,
    keys: &ReceiptKeys,
    seen: &QueuedTransfer,
    at: i64,
    confirmed_by: &str,
) -> Result<bool, DatabaseError> {
    if !tick.reserve_statements(1) {
        return Ok(false);
    }
    let known = ConfirmedTransfer {
        seen,
        paid_at: at,
        confirmed_by,
    };
    let orders = transfer_judging::orders_at(&tick.ports.database, &tick.market, known).await?;
    let asked: Vec<CandidateOrder<'_>> = orders.iter().map(CandidateRow::candidate).collect();
    let paid = PaidTransfer {
        amount_units: seen.amount_units,
        at,
        is_our_token: seen.token == tick.market.token,
    };
    let ids = JudgeIds::new(&tick.ports.stamps);
    let of = |id: &str| orders.iter().find(|order| order.invoice_id == id);
    let mut is_credit = false;
    let judgment = match judge(paid, &asked) {
        Verdict::Settles { invoice_id, .. } => {
            let Some(order) = of(invoice_id) else {
                return Ok(true);
            };
            is_credit = true;
            transfer_crediting::crediting(&tick.actor, &tick.market, known, order, &ids, keys)
        }
        Verdict::Unmatched { reason, invoice_id } => {
            let order = invoice_id.and_then(of);
            let left = UnmatchedTransfer {
                reason,
                invoice_id,
                received_units: order.map_or(0, |order| order.received_units),
                is_reported: is_reported(tick, seen, reason, invoice_id),
            };
            transfer_unmatched::unmatched(&tick.actor, known, left, &ids)
        }
    };
    if !tick.reserve_statements(judgment.statement_count()) {
        return Ok(false);
    }
    let is_done = judgment.run(&tick.ports.database).await?;
    if is_credit {
        tick.report.credited += usize::from(is_done);
    } else {
        tick.report.unmatched += usize::from(is_done);
    }
    Ok(true)
}

/// True when a transfer that pays nothing is reported to the operator. Where several
/// instances share the wallet, each reports the amounts of its own share.
fn is_reported(
    tick: &Tick<'_>,
    seen: &QueuedTransfer,
    reason: UnmatchedReason,
    invoice_id: Option<&str>,
) -> bool {
    let is_at_wallet = tick
        .settings
        .wallet
        .is_some_and(|one| one.lower() == seen.recipient);
    let is_guess = matches!(
        reason,
        UnmatchedReason::Underpaid
            | UnmatchedReason::Overpaid
            | UnmatchedReason::Unknown
            | UnmatchedReason::WrongToken
    );
    !(is_at_wallet && is_guess && invoice_id.is_none())
        || tick.settings.share.has(seen.amount_units)
}
