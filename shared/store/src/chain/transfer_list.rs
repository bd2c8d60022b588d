//! Transfers and sales in USDC as the operator looks them up.

use keywright_domain::page::{Page, Position};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A transfer as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TransferRecord {
    /// `UUIDv7`.
    pub id: String,
    /// EIP-155.
    pub chain_id: i64,
    /// The transaction.
    pub tx_hash: String,
    /// The log's number in its block.
    pub log_index: i64,
    /// The block.
    pub block: i64,
    /// Its time, in unix seconds; `None` while the transfer is not judged.
    pub block_time: Option<i64>,
    /// The contract, lower case.
    pub token: String,
    /// Who paid, lower case.
    pub payer: String,
    /// Who got it, lower case.
    pub recipient: String,
    /// Micro-units.
    pub amount_units: i64,
    /// `seen`, `credited`, `unmatched`, `resolved` or `reorged`.
    pub state: String,
    /// Why it pays nothing by itself.
    pub reason: Option<String>,
    /// The order it paid, or the one it is for.
    pub invoice_id: Option<String>,
    /// What the operator did about it.
    pub resolution: Option<String>,
    /// What the operator wrote.
    pub resolution_note: Option<String>,
    /// Unix seconds.
    pub resolved_at: Option<i64>,
    /// Who did.
    pub resolved_by: Option<String>,
    /// Unix seconds.
    pub recorded_at: i64,
    /// Its state before its block was replaced; `None` for one whose block was not.
    pub was: Option<String>,
    /// Looks at it that came to nothing.
    pub tries: i64,
    /// What the endpoints said the last time that it could not be judged.
    pub put_off_because: Option<String>,
    /// The host that reported it first.
    pub found_by: Option<String>,
    /// The hosts that confirmed it.
    pub confirmed_by: Option<String>,
    /// From when the license runs that the operator had issued, in unix seconds.
    pub license_from: Option<i64>,
}

impl TransferRecord {
    /// Its state, or the one before its block was replaced.
    #[must_use]
    pub fn standing(&self) -> &str {
        self.was.as_deref().unwrap_or(&self.state)
    }
}

/// The statement that reads whole transfers.
macro_rules! select_transfers {
    ($rest:literal) => {
        concat!(
            "SELECT id, chain_id, tx_hash, iif(log_index < 0, -1 - log_index, log_index) AS log_index,
                    block, block_time, token, payer, recipient, amount_units, state,
                    coalesce(finding, reason) AS reason, invoice_id, resolution, resolution_note,
                    resolved_at, resolved_by, recorded_at, was, tries, put_off_because,
                    confirmed_by, license_from, found_by
             FROM chain_transfers ",
            $rest
        )
    };
}
pub(crate) use select_transfers;

/// Which transfers; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct TransferFilter {
    /// In this state.
    pub state: Option<String>,
    /// For this reason.
    pub reason: Option<String>,
    /// For this order.
    pub invoice_id: Option<String>,
    /// Of this transaction, lower case.
    pub tx_hash: Option<String>,
}

/// Transfers, newest first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    filter: &TransferFilter,
    page: &Page,
) -> Result<Vec<TransferRecord>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        select_transfers!(
            "WHERE (recorded_at, id) < (?1, ?2) AND (?3 IS NULL OR state = ?3)
               AND (?4 IS NULL OR coalesce(finding, reason) = ?4) AND (?5 IS NULL OR invoice_id = ?5)
               AND (?6 IS NULL OR tx_hash = ?6)
             ORDER BY recorded_at DESC, id DESC LIMIT ?7"
        ),
        [
            after.at.into(),
            after.id.into(),
            filter.state.as_ref().into(),
            filter.reason.as_ref().into(),
            filter.invoice_id.as_ref().into(),
            filter.tx_hash.as_ref().into(),
            (page.limit + 1).into(),
        ],
    );
    database.query(statement).await
}

/// A sale in USDC, for the books.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TransactionRecord {
    /// When the payment was in a block, in unix seconds; of one that no endpoint
    /// confirmed, from when its license runs.
    pub paid_at: i64,
    /// When it was credited, in unix seconds.
    pub credited_at: i64,
    /// The receipt.
    pub receipt_id: String,
    /// The license.
    pub license_id: String,
    /// The order.
    pub invoice_id: String,
    /// Slug of the product.
    pub product: String,
    /// Slug of the policy.
    pub policy: Option<String>,
    /// EIP-155.
    pub chain_id: i64,
    /// The transaction.
    pub tx_hash: String,
    /// The log's number in its block.
    pub log_index: i64,
    /// The block.
    pub block: i64,
    /// Who paid, lower case.
    pub payer: String,
    /// Micro-units.
    pub amount_units: i64,
}

/// Sales in USDC in the order in which they were credited, so that a reader who
/// goes on where the last page ended misses none; one more than the page holds
/// when there are more. `from` and `to` are about the time of the payment.
///
/// # Errors
/// [`DatabaseError`].
pub async fn transactions(
    database: &Reader,
    (from, to): (Option<i64>, Option<i64>),
    page: &Page,
) -> Result<Vec<TransactionRecord>, DatabaseError> {
    let after = page.after.as_ref();
    let statement = Statement::new(
        "SELECT coalesce(t.block_time, r.received_at) AS paid_at, l.issued_at AS credited_at,
                r.id AS receipt_id, l.id AS license_id,
                i.id AS invoice_id, p.slug AS product, y.slug AS policy, t.chain_id, t.tx_hash,
                iif(t.log_index < 0, -1 - t.log_index, t.log_index) AS log_index, t.block, t.payer,
                r.amount AS amount_units
         FROM licenses l
         JOIN receipts r ON r.id = l.receipt_id AND r.kind = 'polygon'
         JOIN invoices i ON i.id = r.invoice_id
         JOIN products p ON p.id = i.product_id
         LEFT JOIN policies y ON y.id = i.policy_id
         JOIN chain_transfers t
           ON t.invoice_id = i.id AND coalesce(t.was, t.state) IN ('credited', 'resolved')
              AND coalesce(t.resolution, 'settled') = 'settled'
         WHERE (l.issued_at, l.id) > (?1, ?2) AND (?3 IS NULL OR coalesce(t.block_time, r.received_at) >= ?3)
           AND (?4 IS NULL OR coalesce(t.block_time, r.received_at) < ?4)
         ORDER BY l.issued_at, l.id LIMIT ?5",
        [
            after.map_or(-1, |after| after.at).into(),
            after.map_or("", |after| after.id.as_str()).into(),
            from.into(),
            to.into(),
            (page.limit + 1).into(),
        ],
    );
    database.query(statement).await
}
