//! Orders to be paid in USDC: what each asks for, and until when.
//!
//! At the one wallet the amount tells the order, so no two orders hold the same
//! amount at the same address at once: a unique index says so, and the statement
//! that records an order picks an amount that nobody holds. An order's end is told
//! by the chain's time, never by the clock's: a payment in time is not missed
//! because it was read late.

use crate::sales::invoices::{opened_by, opened_order};
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::order::OrderOpener;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A chain and a token on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainToken {
    /// EIP-155.
    pub chain_id: i64,
    /// Address of the contract, lower case.
    pub token: String,
}

/// What a buyer is shown of an order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UsdcOrderView {
    /// EIP-155.
    pub chain_id: i64,
    /// Address of the contract, lower case.
    pub token: String,
    /// Where to pay, lower case.
    pub address: String,
    /// Micro-units.
    pub amount_units: i64,
    /// The last second in which it can be paid.
    pub expires_at: i64,
    /// Where the purchase stands.
    pub status: InvoiceStatus,
    /// Till when the chain was read: the time of the last block.
    pub checked_at: Option<i64>,
    /// The transaction that paid it.
    pub tx_hash: Option<String>,
    /// Its block.
    pub block: Option<i64>,
    /// Whether a payment was seen and is being looked at.
    pub is_seen: i64,
    /// Whether the exact amount came too late.
    pub is_late: i64,
    /// Where the buyer asked to go after paying.
    pub redirect_url: Option<String>,
    /// Where the business sends its buyers after paying: a template.
    pub redirect_template: Option<String>,
}

/// What the buyer of an order is shown; `None` for one that is paid otherwise.
///
/// # Errors
/// [`DatabaseError`].
pub async fn shown(
    database: &Reader,
    opener: &OrderOpener,
) -> Result<Option<UsdcOrderView>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT o.chain_id, o.token, o.address, o.amount_units, o.expires_at, i.status,
                c.block_time AS checked_at, t.tx_hash, t.block,
                EXISTS (SELECT 1 FROM chain_transfers s
                        WHERE s.chain_id = o.chain_id AND s.recipient = o.address
                          AND (s.amount_units = o.amount_units OR o.derivation_index IS NOT NULL)
                          AND s.token = o.token AND s.state = 'seen') AS is_seen,
                EXISTS (SELECT 1 FROM chain_transfers l
                        WHERE l.invoice_id = o.invoice_id AND l.reason = 'late'
                          AND l.state = 'unmatched') AS is_late,
                i.redirect_url, m.post_purchase_redirect_url AS redirect_template
         FROM usdc_orders o
         JOIN invoices i ON i.id = o.invoice_id
         JOIN products p ON p.id = i.product_id
         LEFT JOIN merchant_profiles m
           ON m.id = coalesce(p.merchant_profile_id,
                              (SELECT id FROM merchant_profiles WHERE is_default = 1))
         LEFT JOIN chain_cursors c ON c.chain_id = o.chain_id AND c.token = o.token
         LEFT JOIN chain_transfers t
           ON t.invoice_id = o.invoice_id
              AND (t.state = 'credited' OR t.state = 'resolved' AND t.resolution = 'settled')
         WHERE o.invoice_id = ",
            opened_order!()
        ),
        opened_by(opener),
    );
    database.first(statement).await
}
