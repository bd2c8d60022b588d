//! Crediting a transfer: the batch that settles its order.

use super::judgment::Judgment;
use super::transfer_judging::{CandidateRow, ConfirmedTransfer, JudgeIds, REPORTED_FROM, closing};
use super::transfer_queue::QueuedTransfer;
use super::transfers::{display, reference};
use super::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use crate::sales::settle::{self, PaymentFacts};
use keywright_domain::entitlement::ReceiptKind;
use keywright_ports::Statement;
use keywright_ports::receipt_keys::ReceiptKeys;

/// The statements that settle an order by a transfer, and by the parts of its price
/// that came before. Where the transfer or the order is no longer what it was, none
/// writes anything; the first one answers a row where it did.
#[must_use]
pub fn crediting(
    actor: &Actor,
    market: &ChainToken,
    known: ConfirmedTransfer<'_>,
    order: &CandidateRow,
    ids: &JudgeIds,
    keys: &ReceiptKeys,
) -> Judgment {
    let ConfirmedTransfer {
        seen,
        paid_at,
        confirmed_by,
    } = known;
    let invoice_id = order.invoice_id.as_str();
    let external_ref = reference(market.chain_id, &seen.tx_hash, seen.log_index);
    let paid_units = order.received_units.saturating_add(seen.amount_units);
    let excess = paid_units.saturating_sub(order.amount_units);
    let credited = Statement::new(
        "UPDATE chain_transfers
         SET state = 'credited', reason = NULL, invoice_id = ?2, block_time = ?3,
             confirmed_by = ?5
         WHERE id = ?1 AND state = 'seen' AND block_hash = ?4
           AND (SELECT status FROM invoices WHERE id = ?2) IN ('pending', 'expired')
         RETURNING id",
        [
            (&seen.id).into(),
            invoice_id.into(),
            paid_at.into(),
            (&seen.block_hash).into(),
            confirmed_by.into(),
        ],
    );
    let mut judgment = Judgment::new(credited);
    judgment.extend(settling(
        invoice_id, paid_units, excess, actor.at, &ids.step,
    ));
    if order.received_units > 0 {
        judgment.extend(parts(actor, seen, invoice_id));
    }
    if excess >= REPORTED_FROM {
        judgment.extend([told_of_excess(
            actor,
            seen,
            invoice_id,
            excess,
            &ids.attention,
        )]);
    }
    judgment.extend(closing(actor, seen));
    let paid = PaymentFacts {
        invoice_id,
        product_id: &order.product_id,
        kind: ReceiptKind::Polygon,
        external_ref: &external_ref,
        amount: paid_units,
        currency: "USDC",
        received_at: paid_at,
        has_code: order.has_code != 0,
        subscription: &order.subscription,
    };
    judgment.extend(settle::issuing(actor, paid, &ids.issued, keys));
    judgment
}

/// Settles the order of the transfer that the statement before these changed.
pub(crate) fn settling(
    invoice_id: &str,
    amount_units: i64,
    excess_units: i64,
    now: i64,
    step_id: &str,
) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE invoices
             SET status = 'settled', payment_state = iif(?5 > 0, 'overpaid', 'paid'),
                 paid_amount = ?2, paid_currency = 'USDC', settled_at = ?3, step_id = ?4
             WHERE id = ?1 AND changes() > 0",
            [
                invoice_id.into(),
                display(amount_units).into(),
                now.into(),
                step_id.into(),
                excess_units.into(),
            ],
        ),
        Statement::new(
            "UPDATE usdc_orders SET is_open = 0
             WHERE invoice_id = (SELECT id FROM invoices WHERE id = ?1 AND status = 'settled')",
            [invoice_id.into()],
        ),
    ]
}

/// The parts that came before the transfer that made the price whole: they need
/// nobody any more. The receipt has the sum.
fn parts(actor: &Actor, seen: &QueuedTransfer, invoice_id: &str) -> [Statement; 2] {
    let params = || {
        vec![
            invoice_id.into(),
            (&seen.id).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
        ]
    };
    [
        Statement::new(
            "UPDATE attention SET resolved_at = ?3, resolved_by = ?4
             WHERE object_kind = 'transfer' AND resolved_at IS NULL
               AND object_id IN (SELECT id FROM chain_transfers
                                 WHERE invoice_id = ?1 AND state = 'unmatched'
                                   AND reason = 'underpaid')
               AND EXISTS (SELECT 1 FROM chain_transfers
                           WHERE id = ?2 AND state = 'credited' AND invoice_id = ?1)",
            params(),
        ),
        Statement::new(
            "UPDATE chain_transfers
             SET state = 'resolved', resolution = 'ignored', resolved_at = ?3, resolved_by = ?4,
                 resolution_note = 'part of the payment of the order'
             WHERE invoice_id = ?1 AND state = 'unmatched' AND reason = 'underpaid'
               AND EXISTS (SELECT 1 FROM chain_transfers
                           WHERE id = ?2 AND state = 'credited' AND invoice_id = ?1)",
            params(),
        ),
    ]
}

fn told_of_excess(
    actor: &Actor,
    seen: &QueuedTransfer,
    invoice_id: &str,
    excess: i64,
    id: &str,
) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, 'usdc_overpaid', 'transfer', id,
                json_object('tx_hash', tx_hash, 'amount_units', amount_units, 'payer', payer,
                            'recipient', recipient, 'token', token, 'invoice_id', invoice_id,
                            'excess_units', ?5)
         FROM chain_transfers WHERE id = ?3 AND state = 'credited' AND invoice_id = ?4
         ON CONFLICT DO NOTHING",
        [
            id.into(),
            actor.at.into(),
            (&seen.id).into(),
            invoice_id.into(),
            excess.into(),
        ],
    )
}
