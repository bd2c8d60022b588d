//! Leaving a transfer to the operator: the batch that records why it pays nothing by
//! itself.

use super::judgment::Judgment;
use super::transfer_judging::{ConfirmedTransfer, JudgeIds, REPORTED_FROM, closing};
use super::transfer_queue::QueuedTransfer;
use super::transfers::display;
use crate::operator::audit::Actor;
use keywright_domain::usdc::matching::UnmatchedReason;
use keywright_ports::Statement;

/// What is written of a transfer that pays nothing by itself.
#[derive(Debug, Clone, Copy)]
pub struct UnmatchedTransfer<'a> {
    /// Why.
    pub reason: UnmatchedReason,
    /// The order that it is for, where that is beyond doubt.
    pub invoice_id: Option<&'a str>,
    /// What was counted of the order's parts; another part may have come since.
    pub received_units: i64,
    /// Whether to report it to the operator, if it is of a cent or more.
    pub is_reported: bool,
}

/// Leaves a transfer to the operator. One that makes the price of its order whole
/// with parts that came since it was looked at stays to be judged again.
#[must_use]
pub fn unmatched(
    actor: &Actor,
    known: ConfirmedTransfer<'_>,
    left: UnmatchedTransfer<'_>,
    ids: &JudgeIds,
) -> Judgment {
    let ConfirmedTransfer {
        seen,
        paid_at,
        confirmed_by,
    } = known;
    let (reason, finding) = stored(left.reason);
    let update = Statement::new(
        "UPDATE chain_transfers
         SET state = 'unmatched', reason = ?2, finding = ?3, invoice_id = ?4, block_time = ?5,
             confirmed_by = ?7
         WHERE id = ?1 AND state = 'seen' AND block_hash = ?6
           AND (?2 <> 'underpaid' OR ?4 IS NULL
                OR ?8 = (SELECT coalesce(sum(p.amount_units), 0) FROM chain_transfers p
                         JOIN usdc_orders o ON o.invoice_id = p.invoice_id
                         WHERE p.invoice_id = ?4 AND p.state = 'unmatched'
                           AND p.reason = 'underpaid' AND p.block_time <= o.expires_at
                       AND p.amount_units >= 10000))
         RETURNING id",
        [
            (&seen.id).into(),
            reason.into(),
            finding.into(),
            left.invoice_id.into(),
            paid_at.into(),
            (&seen.block_hash).into(),
            confirmed_by.into(),
            left.received_units.into(),
        ],
    );
    let reported_from = if left.is_reported {
        REPORTED_FROM
    } else {
        i64::MAX
    };
    let told = Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, 'usdc_' || coalesce(finding, reason), 'transfer', id,
                json_object('tx_hash', tx_hash, 'amount_units', amount_units, 'payer', payer,
                            'recipient', recipient, 'token', token, 'invoice_id', invoice_id,
                            'received_before_units', ?5)
         FROM chain_transfers
         WHERE id = ?3 AND state = 'unmatched' AND amount_units >= ?4 AND changes() > 0
         ON CONFLICT DO NOTHING",
        [
            (&ids.attention).into(),
            actor.at.into(),
            (&seen.id).into(),
            reported_from.into(),
            left.received_units.into(),
        ],
    );
    // What the buyer is shown: the order's page says that something came.
    let shown = Statement::new(
        "UPDATE invoices
         SET payment_state = CASE ?2 WHEN 'late' THEN 'paid_late' ELSE ?2 END,
             paid_amount = ?3, paid_currency = 'USDC'
         WHERE id = ?1 AND status IN ('pending', 'expired')
           AND ?2 IN ('underpaid', 'overpaid', 'late')
           AND EXISTS (SELECT 1 FROM chain_transfers
                       WHERE id = ?4 AND state = 'unmatched' AND invoice_id = ?1)",
        [
            left.invoice_id.into(),
            reason.into(),
            display(left.received_units.saturating_add(seen.amount_units)).into(),
            (&seen.id).into(),
        ],
    );
    let mut judgment = Judgment::new(update);
    judgment.extend([told, shown]);
    if left.received_units > 0 && seen.amount_units >= REPORTED_FROM {
        judgment.extend(left.invoice_id.map(|id| superseded(actor, seen, id)));
    }
    judgment.extend(closing(actor, seen));
    judgment
}

/// Closes what is open about the parts of an order that came before this one: the
/// newest item says where the order stands.
fn superseded(actor: &Actor, seen: &QueuedTransfer, invoice_id: &str) -> Statement {
    Statement::new(
        "UPDATE attention SET resolved_at = ?3, resolved_by = ?4
         WHERE kind = 'usdc_underpaid' AND object_kind = 'transfer' AND resolved_at IS NULL
           AND object_id IN (SELECT id FROM chain_transfers
                             WHERE invoice_id = ?1 AND state = 'unmatched' AND id <> ?2)
           AND EXISTS (SELECT 1 FROM chain_transfers
                       WHERE id = ?2 AND state = 'unmatched' AND invoice_id = ?1
                         AND reason IN ('underpaid', 'late'))",
        [
            invoice_id.into(),
            (&seen.id).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
        ],
    )
}

/// A reason as two columns have it: the list of the older one is shorter.
const fn stored(reason: UnmatchedReason) -> (&'static str, Option<&'static str>) {
    match reason {
        UnmatchedReason::Early | UnmatchedReason::Ambiguous | UnmatchedReason::Unconfirmed => {
            (UnmatchedReason::Unknown.as_str(), Some(reason.as_str()))
        }
        listed => (listed.as_str(), None),
    }
}
