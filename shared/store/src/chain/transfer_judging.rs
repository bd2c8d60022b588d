//! Judging transfers: the orders that one may pay, and the batches that settle an
//! order or leave the transfer to the operator. A transfer is judged once.

use crate::chain::transfer_queue::Seen;
use crate::chain::transfers::{display, reference};
use crate::chain::usdc_orders::Market;
use crate::operator::audit::Actor;
use crate::sales::settle::{self, NewIds, Paid};
use keywright_domain::entitlement::ReceiptKind;
use keywright_domain::usdc::AMOUNT_KNOWN;
use keywright_domain::usdc::matching::{Asked, Reason};
use keywright_domain::usdc::retry::TELL_AFTER;
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{DatabaseError, Reader, Stamps, Statement};
use serde::Deserialize;

/// From how much on the operator is told of a transfer that pays nothing: a cent.
/// Smaller ones cost their sender next to nothing and are recorded only.
pub const TOLD_FROM: i64 = 10_000;

/// An order at the address of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Order {
    /// The order.
    pub invoice_id: String,
    /// Micro-units.
    pub amount_units: i64,
    /// When it was made, in unix seconds.
    pub created_at: i64,
    /// The last second in which it can be paid.
    pub expires_at: i64,
    /// What came before to its own address in time and was too little, in
    /// micro-units, a cent or more at a time.
    pub received_units: i64,
    product_id: String,
    derivation_index: Option<i64>,
    status: String,
    has_code: i64,
}

impl Order {
    /// It, for the rule.
    #[must_use]
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            invoice_id: &self.invoice_id,
            amount_units: self.amount_units,
            created_at: self.created_at,
            expires_at: self.expires_at,
            has_own_address: self.derivation_index.is_some(),
            is_settled: self.status == "settled",
            received_units: self.received_units,
        }
    }
}

/// What is known of a transfer when it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The transfer.
    pub seen: &'a Seen,
    /// Time of its block, in unix seconds.
    pub paid_at: i64,
    /// The hosts that confirmed it.
    pub confirmed_by: &'a str,
}

/// New ids for one judgement.
#[derive(Debug, Clone)]
pub struct JudgeIds {
    step: String,
    attention: String,
    issued: NewIds,
}

impl JudgeIds {
    /// New ids.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            step: stamps.new_id(),
            attention: stamps.new_id(),
            issued: NewIds::new(stamps),
        }
    }
}

/// The orders that the rule needs to see: those that had the exact amount around that
/// time, whoever holds it now, those that the address is for, and the nearest open ones
/// on both sides.
///
/// # Errors
/// [`DatabaseError`].
pub async fn orders_at(
    database: &Reader,
    market: &Market,
    known: Known<'_>,
) -> Result<Vec<Order>, DatabaseError> {
    let statement = Statement::new(
        "WITH near AS (
           SELECT * FROM (SELECT invoice_id FROM usdc_orders
                          WHERE chain_id = ?1 AND address = ?3 AND amount_units = ?4
                            AND expires_at >= ?5 AND token = ?2
                          ORDER BY expires_at LIMIT 16)
           UNION
           SELECT * FROM (SELECT invoice_id FROM usdc_orders
                          WHERE chain_id = ?1 AND address = ?3 AND derivation_index IS NOT NULL
                            AND token = ?2
                          ORDER BY expires_at DESC LIMIT 16)
           UNION
           SELECT * FROM (SELECT invoice_id FROM usdc_orders
                          WHERE chain_id = ?1 AND address = ?3 AND amount_units < ?4
                            AND reserved = 1 AND token = ?2 AND is_open = 1
                          ORDER BY amount_units DESC LIMIT 1)
           UNION
           SELECT * FROM (SELECT invoice_id FROM usdc_orders
                          WHERE chain_id = ?1 AND address = ?3 AND amount_units > ?4
                            AND reserved = 1 AND token = ?2 AND is_open = 1
                          ORDER BY amount_units LIMIT 1))
         SELECT o.invoice_id, o.amount_units, i.created_at, o.expires_at, o.derivation_index,
                i.status, i.product_id,
                EXISTS (SELECT 1 FROM redemptions r WHERE r.invoice_id = o.invoice_id) AS has_code,
                iif(o.derivation_index IS NULL, 0,
                    (SELECT coalesce(sum(p.amount_units), 0) FROM chain_transfers p
                     WHERE p.invoice_id = o.invoice_id AND p.state = 'unmatched'
                       AND p.reason = 'underpaid' AND p.block_time <= o.expires_at
                       AND p.amount_units >= 10000)
                   ) AS received_units
         FROM near JOIN usdc_orders o ON o.invoice_id = near.invoice_id
         JOIN invoices i ON i.id = o.invoice_id",
        [
            market.chain_id.into(),
            (&market.token).into(),
            (&known.seen.recipient).into(),
            known.seen.amount_units.into(),
            (known.paid_at - AMOUNT_KNOWN).into(),
        ],
    );
    database.query(statement).await
}

/// The statements that settle an order by a transfer, and by the parts of its price
/// that came before. Where the transfer or the order is no longer what it was, none
/// writes anything; the first one answers a row where it did.
#[must_use]
pub fn crediting(
    actor: &Actor,
    market: &Market,
    known: Known<'_>,
    order: &Order,
    ids: &JudgeIds,
    keys: &ReceiptKeys,
) -> Vec<Statement> {
    let Known {
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
    let mut batch = vec![credited];
    batch.extend(settling(
        invoice_id, paid_units, excess, actor.at, &ids.step,
    ));
    if order.received_units > 0 {
        batch.extend(parts(actor, seen, invoice_id));
    }
    if excess >= TOLD_FROM {
        batch.push(told_of_excess(
            actor,
            seen,
            invoice_id,
            excess,
            &ids.attention,
        ));
    }
    batch.extend(closing(actor, seen));
    let paid = Paid {
        invoice_id,
        product_id: &order.product_id,
        kind: ReceiptKind::Polygon,
        external_ref: &external_ref,
        amount: paid_units,
        currency: "USDC",
        received_at: paid_at,
        has_code: order.has_code != 0,
    };
    batch.extend(settle::issuing(actor, paid, &ids.issued, keys));
    batch
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
fn parts(actor: &Actor, seen: &Seen, invoice_id: &str) -> [Statement; 2] {
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
    seen: &Seen,
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

/// Closes what the operator was told of a transfer that could not be judged for a
/// while; nothing where that cannot be.
fn closing(actor: &Actor, seen: &Seen) -> Option<Statement> {
    (seen.tries >= TELL_AFTER).then(|| {
        Statement::new(
            "UPDATE attention SET resolved_at = ?2, resolved_by = ?3
             WHERE kind = 'usdc_unconfirmed' AND object_kind = 'transfer' AND object_id = ?1
               AND resolved_at IS NULL
               AND 'seen' <> (SELECT state FROM chain_transfers WHERE id = ?1)",
            [
                (&seen.id).into(),
                actor.at.into(),
                actor.name.as_ref().into(),
            ],
        )
    })
}

/// What is written of a transfer that pays nothing by itself.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a> {
    /// Why.
    pub reason: Reason,
    /// The order that it is for, where that is beyond doubt.
    pub invoice_id: Option<&'a str>,
    /// What was counted of the order's parts; another part may have come since.
    pub received_units: i64,
    /// Whether the operator is told of it, where it is of a cent or more.
    pub is_told: bool,
}

/// Leaves a transfer to the operator. One that makes the price of its order whole
/// with parts that came since it was looked at stays to be judged again.
#[must_use]
pub fn unmatched(
    actor: &Actor,
    known: Known<'_>,
    left: Left<'_>,
    ids: &JudgeIds,
) -> Vec<Statement> {
    let Known {
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
    let told_from = if left.is_told { TOLD_FROM } else { i64::MAX };
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
            told_from.into(),
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
    let mut batch = vec![update, told, shown];
    if left.received_units > 0 && seen.amount_units >= TOLD_FROM {
        batch.extend(left.invoice_id.map(|id| superseded(actor, seen, id)));
    }
    batch.extend(closing(actor, seen));
    batch
}

/// Closes what is open about the parts of an order that came before this one: the
/// newest item says where the order stands.
fn superseded(actor: &Actor, seen: &Seen, invoice_id: &str) -> Statement {
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
const fn stored(reason: Reason) -> (&'static str, Option<&'static str>) {
    match reason {
        Reason::Early | Reason::Ambiguous | Reason::Unconfirmed => {
            (Reason::Unknown.as_str(), Some(reason.as_str()))
        }
        listed => (listed.as_str(), None),
    }
}
