//! Judging a transfer: the orders that it may pay. A transfer is judged once.

use crate::chain::transfer_queue::QueuedTransfer;
use crate::chain::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use crate::sales::settle::IssueIds;
use crate::subscriptions::order_link::{OrderSubscription, subscription_columns};
use keywright_domain::usdc::AMOUNT_KNOWN;
use keywright_domain::usdc::matching::CandidateOrder;
use keywright_domain::usdc::retry::REPORT_AFTER;
use keywright_ports::{DatabaseError, Reader, Stamps, Statement};
use serde::Deserialize;

/// Transfers that pay nothing are reported to the operator from this amount on, in
/// micro-units: a cent. Smaller ones cost their sender next to nothing, so they are only
/// recorded.
pub const REPORTED_FROM: i64 = 10_000;

/// An order that a transfer may pay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CandidateRow {
    /// The order.
    pub invoice_id: String,
    /// Micro-units.
    pub amount_units: i64,
    /// When it was placed, in unix seconds.
    pub created_at: i64,
    /// The last second in which it can be paid, in unix seconds.
    pub expires_at: i64,
    /// The sum of earlier partial payments to its own address that were in time, in
    /// micro-units. A part is a cent or more.
    pub received_units: i64,
    pub(super) product_id: String,
    derivation_index: Option<i64>,
    status: String,
    pub(super) has_code: i64,
    #[serde(flatten)]
    pub(super) subscription: OrderSubscription,
}

impl CandidateRow {
    /// Converts this row into the domain type.
    #[must_use]
    pub fn candidate(&self) -> CandidateOrder<'_> {
        CandidateOrder {
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

/// A transfer with what the endpoints confirmed about it.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmedTransfer<'a> {
    /// The transfer.
    pub seen: &'a QueuedTransfer,
    /// Time of its block, in unix seconds.
    pub paid_at: i64,
    /// The hosts that confirmed it.
    pub confirmed_by: &'a str,
}

/// New ids for judging one transfer.
#[derive(Debug, Clone)]
pub struct JudgeIds {
    pub(super) step: String,
    pub(super) attention: String,
    pub(super) issued: IssueIds,
}

impl JudgeIds {
    /// New ids.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            step: stamps.new_id(),
            attention: stamps.new_id(),
            issued: IssueIds::new(stamps),
        }
    }
}

/// The orders that the matching rule needs: those that had the exact amount around that
/// time, whichever order has it now; those with this address of their own; and the open
/// ones with the nearest lower and higher amount.
pub async fn orders_at(
    database: &Reader,
    market: &ChainToken,
    known: ConfirmedTransfer<'_>,
) -> Result<Vec<CandidateRow>, DatabaseError> {
    let statement = Statement::new(
        concat!(
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
                i.status, i.product_id, ",
            subscription_columns!("i"),
            ",
                EXISTS (SELECT 1 FROM redemptions r WHERE r.invoice_id = o.invoice_id) AS has_code,
                iif(o.derivation_index IS NULL, 0,
                    (SELECT coalesce(sum(p.amount_units), 0) FROM chain_transfers p
                     WHERE p.invoice_id = o.invoice_id AND p.state = 'unmatched'
                       AND p.reason = 'underpaid' AND p.block_time <= o.expires_at
                       AND p.amount_units >= 10000)
                   ) AS received_units
         FROM near JOIN usdc_orders o ON o.invoice_id = near.invoice_id
         JOIN invoices i ON i.id = o.invoice_id"
        ),
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

/// Resolves the report that a transfer could not be judged for a while. `None` when there
/// cannot be such a report.
pub(super) fn closing(actor: &Actor, seen: &QueuedTransfer) -> Option<Statement> {
    (seen.tries >= REPORT_AFTER).then(|| {
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
