//! Transfers of tokens to the vendor's addresses, each recorded once, and what
//! became of it. A transfer that pays an order settles it in one batch; any other
//! is for the operator. None is ever deleted.

use crate::audit::Actor;
use crate::settle::{self, NewIds, Paid};
use crate::usdc_orders::Market;
use keywright_domain::usdc::matching::{Asked, Reason};
use keywright_edge::ports::{Database, DatabaseError, Reader, Stamps, Statement};
use serde::{Deserialize, Serialize};

/// Statements that record transfers.
pub const STATEMENTS_TO_RECORD: usize = 3;

/// Statements that [`unmatched`] takes.
pub const STATEMENTS_TO_LEAVE: usize = 3;

/// From how much on the operator is told of a transfer that pays nothing: a cent.
/// Smaller ones cost their sender next to nothing and are recorded only.
pub const TOLD_FROM: i64 = 10_000;

/// A transfer as it was read of the chain; addresses and hashes lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// A new `UUIDv7`.
    pub id: String,
    /// The transaction.
    pub tx_hash: String,
    /// The log's number in its block.
    pub log_index: i64,
    /// The block.
    pub block: i64,
    /// The block's hash.
    pub block_hash: String,
    /// The contract.
    pub token: String,
    /// Who paid.
    pub payer: String,
    /// Who got it.
    pub recipient: String,
    /// Micro-units.
    pub amount_units: i64,
}

/// A transfer that is to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seen {
    /// `UUIDv7`.
    pub id: String,
    /// The transaction.
    pub tx_hash: String,
    /// The log's number in its block.
    pub log_index: i64,
    /// The block.
    pub block: i64,
    /// The block's hash.
    pub block_hash: String,
    /// The contract.
    pub token: String,
    /// Who paid.
    pub payer: String,
    /// Who got it.
    pub recipient: String,
    /// Micro-units.
    pub amount_units: i64,
}

/// An order at the address of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Order {
    /// The order.
    pub invoice_id: String,
    /// Micro-units.
    pub amount_units: i64,
    /// The last second in which it can be paid.
    pub expires_at: i64,
    derivation_index: Option<i64>,
    status: String,
}

impl Order {
    /// It, for the rule.
    #[must_use]
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            invoice_id: &self.invoice_id,
            amount_units: self.amount_units,
            expires_at: self.expires_at,
            has_own_address: self.derivation_index.is_some(),
            is_settled: self.status == "settled",
        }
    }
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

/// What tells a transfer: the external reference of its receipt.
#[must_use]
pub fn reference(chain_id: i64, tx_hash: &str, log_index: i64) -> String {
    format!("polygon:{chain_id}:{tx_hash}:{log_index}")
}

/// Whether the step `?3` was taken by what reads the chain: the cursor, a group that
/// is read behind it, or work beside them.
macro_rules! step_taken {
    () => {
        "(EXISTS (SELECT 1 FROM chain_cursors
                  WHERE chain_id = ?1 AND token = ?2 AND step_id = ?3)
          OR EXISTS (SELECT 1 FROM chain_groups
                     WHERE chain_id = ?1 AND token = ?2 AND step_id = ?3)
          OR EXISTS (SELECT 1 FROM chain_jobs WHERE step_id = ?3))"
    };
}
pub(crate) use step_taken;

/// Records transfers, if the step was taken. One that is known already
/// stays as it is; one whose block had been taken back and that is in another one
/// now is what it was.
pub(crate) fn record(
    actor: &Actor,
    market: &Market,
    found: &[Found],
    step_id: &str,
) -> Result<[Statement; 3], DatabaseError> {
    let list = serde_json::to_string(found).map_err(|e| DatabaseError::Row(e.to_string()))?;
    let params = || {
        vec![
            market.chain_id.into(),
            (&market.token).into(),
            step_id.into(),
            list.clone().into(),
        ]
    };
    let with_time = || [params(), vec![actor.at.into()]].concat();
    // Equal transfers of one transaction are told apart by their order.
    let back = Statement::new(
        concat!(
            "WITH gone AS (
           SELECT id, tx_hash, token, payer, recipient, amount_units,
                  row_number() OVER (PARTITION BY tx_hash, token, payer, recipient, amount_units
                                     ORDER BY log_index DESC) AS number
           FROM chain_transfers
           WHERE chain_id = ?1 AND state = 'reorged'
             AND tx_hash IN (SELECT value ->> 'tx_hash' FROM json_each(?4))),
         back AS (
           SELECT value ->> 'tx_hash' AS tx_hash, value ->> 'token' AS token,
                  value ->> 'payer' AS payer, value ->> 'recipient' AS recipient,
                  value ->> 'amount_units' AS amount_units, value ->> 'log_index' AS log_index,
                  value ->> 'block' AS block, value ->> 'block_hash' AS block_hash,
                  row_number() OVER (PARTITION BY value ->> 'tx_hash', value ->> 'token',
                                                  value ->> 'payer', value ->> 'recipient',
                                                  value ->> 'amount_units'
                                     ORDER BY value ->> 'log_index') AS number
           FROM json_each(?4))
         UPDATE chain_transfers
         SET state = chain_transfers.was, was = NULL, log_index = f.log_index, block = f.block,
             block_hash = f.block_hash,
             block_time = iif(chain_transfers.was = 'seen', NULL, chain_transfers.block_time)
         FROM (SELECT gone.id, back.log_index, back.block, back.block_hash
               FROM gone JOIN back USING (tx_hash, token, payer, recipient, amount_units, number)
              ) AS f
         WHERE chain_transfers.id = f.id
           AND ",
            step_taken!()
        ),
        params(),
    );
    let calmed = Statement::new(
        concat!(
            "UPDATE attention SET resolved_at = ?5, resolved_by = 'watch'
         WHERE kind = 'usdc_reorged' AND object_kind = 'transfer' AND resolved_at IS NULL
           AND object_id IN (SELECT t.id FROM chain_transfers t
                             WHERE t.chain_id = ?1 AND t.state <> 'reorged'
                               AND t.tx_hash IN (SELECT value ->> 'tx_hash' FROM json_each(?4)))
           AND ",
            step_taken!()
        ),
        with_time(),
    );
    let insert = Statement::new(
        concat!(
            "INSERT INTO chain_transfers (id, chain_id, tx_hash, log_index, block, block_hash, token,
                                      payer, recipient, amount_units, state, recorded_at,
                                      checked_at)
         SELECT value ->> 'id', ?1, value ->> 'tx_hash', value ->> 'log_index', value ->> 'block',
                value ->> 'block_hash', value ->> 'token', value ->> 'payer',
                value ->> 'recipient', value ->> 'amount_units', 'seen', ?5, ?5
         FROM json_each(?4)
         WHERE ",
            step_taken!(),
            "
         ON CONFLICT (chain_id, tx_hash, log_index) DO NOTHING"
        ),
        with_time(),
    );
    Ok([back, calmed, insert])
}

/// Marks the transfers behind a block, if the cursor's step was taken, and tells
/// the operator of those that were credited.
pub(crate) fn taken_back(
    actor: &Actor,
    market: &Market,
    behind: i64,
    step_id: &str,
) -> [Statement; 2] {
    // Under the transfer's id, of which there is one for each.
    let told = Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT id, ?5, 'usdc_reorged', 'transfer', id,
                json_object('tx_hash', tx_hash, 'block', block, 'amount_units', amount_units,
                            'payer', payer, 'recipient', recipient, 'invoice_id', invoice_id)
         FROM chain_transfers
         WHERE chain_id = ?1 AND block > ?4
           AND (state = 'credited' OR state = 'resolved' AND resolution = 'settled')
           AND EXISTS (SELECT 1 FROM chain_cursors
                       WHERE chain_id = ?1 AND token = ?2 AND step_id = ?3)
         ON CONFLICT DO UPDATE SET at = excluded.at, details = excluded.details,
                                   resolved_at = NULL, resolved_by = NULL",
        [
            market.chain_id.into(),
            (&market.token).into(),
            step_id.into(),
            behind.into(),
            actor.at.into(),
        ],
    );
    let marked = Statement::new(
        "UPDATE chain_transfers SET was = state, state = 'reorged', log_index = -1 - log_index
         WHERE chain_id = ?1 AND block > ?4 AND state <> 'reorged'
           AND EXISTS (SELECT 1 FROM chain_cursors
                       WHERE chain_id = ?1 AND token = ?2 AND step_id = ?3)",
        [
            market.chain_id.into(),
            (&market.token).into(),
            step_id.into(),
            behind.into(),
        ],
    );
    [told, marked]
}

/// Transfers to judge: those that an open order waits for first, then those that
/// waited longest, in the order of the chain.
///
/// # Errors
/// [`DatabaseError`].
pub async fn to_judge(
    database: &Reader,
    market: &Market,
    limit: i64,
) -> Result<Vec<Seen>, DatabaseError> {
    let statement = Statement::new(
        "WITH due AS (
           SELECT * FROM (SELECT t.id, 0 AS turn
                          FROM usdc_orders o CROSS JOIN chain_transfers t
                            ON t.chain_id = o.chain_id AND t.recipient = o.address
                               AND t.amount_units = o.amount_units AND t.state = 'seen'
                          WHERE o.chain_id = ?1 AND o.token = ?2 AND o.is_open = 1
                          ORDER BY t.checked_at LIMIT ?3)
           UNION ALL
           SELECT * FROM (SELECT id, 1 AS turn FROM chain_transfers
                          WHERE chain_id = ?1 AND state = 'seen'
                          ORDER BY checked_at LIMIT ?3))
         SELECT t.id, t.tx_hash, t.log_index, t.block, t.block_hash, t.token, t.payer,
                t.recipient, t.amount_units
         FROM (SELECT id, min(turn) AS turn FROM due GROUP BY id) AS d
         JOIN chain_transfers t ON t.id = d.id
         ORDER BY d.turn, t.checked_at, t.block, t.log_index LIMIT ?3",
        [market.chain_id.into(), (&market.token).into(), limit.into()],
    );
    database.query(statement).await
}

/// The orders that the rule needs to see: those with the exact amount, the one
/// that the address is for, and the nearest open ones on both sides.
///
/// # Errors
/// [`DatabaseError`].
pub async fn orders_at(
    database: &Reader,
    market: &Market,
    seen: &Seen,
) -> Result<Vec<Order>, DatabaseError> {
    let statement = Statement::new(
        "WITH near AS (
           SELECT invoice_id FROM usdc_orders
           WHERE chain_id = ?1 AND address = ?3 AND amount_units = ?4 AND reserved = 1
             AND token = ?2
           UNION
           SELECT * FROM (SELECT invoice_id FROM usdc_orders
                          WHERE chain_id = ?1 AND address = ?3 AND amount_units < ?4
                            AND reserved = 1 AND token = ?2
                            AND (is_open = 1 OR derivation_index IS NOT NULL)
                          ORDER BY amount_units DESC LIMIT 1)
           UNION
           SELECT * FROM (SELECT invoice_id FROM usdc_orders
                          WHERE chain_id = ?1 AND address = ?3 AND amount_units > ?4
                            AND reserved = 1 AND token = ?2
                            AND (is_open = 1 OR derivation_index IS NOT NULL)
                          ORDER BY amount_units LIMIT 1))
         SELECT o.invoice_id, o.amount_units, o.expires_at, o.derivation_index, i.status
         FROM near JOIN usdc_orders o ON o.invoice_id = near.invoice_id
         JOIN invoices i ON i.id = o.invoice_id",
        [
            market.chain_id.into(),
            (&market.token).into(),
            (&seen.recipient).into(),
            seen.amount_units.into(),
        ],
    );
    database.query(statement).await
}

/// Puts a transfer that cannot be judged now behind the others.
///
/// # Errors
/// [`DatabaseError`].
pub async fn put_off(database: &Database, ids: &[String], now: i64) -> Result<(), DatabaseError> {
    let list = serde_json::Value::from(ids.to_vec()).to_string();
    let update = Statement::new(
        "UPDATE chain_transfers SET checked_at = ?2
         WHERE id IN (SELECT value FROM json_each(?1)) AND state = 'seen'",
        [list.into(), now.into()],
    );
    database.aside(vec![update]).await.map(drop)
}

/// The statements that settle an order by a transfer made at `paid_at`. Where the
/// transfer or the order is no longer what it was, none writes anything; the first
/// one answers a row where it did.
#[must_use]
pub fn crediting(
    actor: &Actor,
    market: &Market,
    seen: &Seen,
    invoice_id: &str,
    paid_at: i64,
    ids: &JudgeIds,
) -> Vec<Statement> {
    let external_ref = reference(market.chain_id, &seen.tx_hash, seen.log_index);
    let credited = Statement::new(
        "UPDATE chain_transfers
         SET state = 'credited', reason = NULL, invoice_id = ?2, block_time = ?3
         WHERE id = ?1 AND state = 'seen' AND block_hash = ?4
           AND (SELECT status FROM invoices WHERE id = ?2) IN ('pending', 'expired')
         RETURNING id",
        [
            (&seen.id).into(),
            invoice_id.into(),
            paid_at.into(),
            (&seen.block_hash).into(),
        ],
    );
    let mut batch = vec![credited];
    batch.extend(settling(invoice_id, seen.amount_units, actor.at, &ids.step));
    let paid = Paid {
        invoice_id,
        kind: "polygon",
        external_ref: &external_ref,
        received: Some((seen.amount_units, "USDC", paid_at)),
    };
    batch.extend(settle::issuing(actor, paid, &ids.issued));
    batch
}

/// Settles the order of the transfer that the statement before these changed.
pub(crate) fn settling(
    invoice_id: &str,
    amount_units: i64,
    now: i64,
    step_id: &str,
) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE invoices
             SET status = 'settled', payment_state = 'paid', paid_amount = ?2,
                 paid_currency = 'USDC', settled_at = ?3, step_id = ?4
             WHERE id = ?1 AND changes() > 0",
            [
                invoice_id.into(),
                display(amount_units).into(),
                now.into(),
                step_id.into(),
            ],
        ),
        Statement::new(
            "UPDATE usdc_orders SET is_open = 0
             WHERE invoice_id = (SELECT id FROM invoices WHERE id = ?1 AND status = 'settled')",
            [invoice_id.into()],
        ),
    ]
}

/// Leaves a transfer to the operator, with the reason, and the order that it is
/// for, where that is beyond doubt.
#[must_use]
pub fn unmatched(
    actor: &Actor,
    seen: &Seen,
    reason: Reason,
    invoice_id: Option<&str>,
    paid_at: i64,
    ids: &JudgeIds,
) -> Vec<Statement> {
    let left = Statement::new(
        "UPDATE chain_transfers
         SET state = 'unmatched', reason = ?2, invoice_id = ?3, block_time = ?4
         WHERE id = ?1 AND state = 'seen' AND block_hash = ?5
         RETURNING id",
        [
            (&seen.id).into(),
            reason.as_str().into(),
            invoice_id.into(),
            paid_at.into(),
            (&seen.block_hash).into(),
        ],
    );
    let told = Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, 'usdc_' || reason, 'transfer', id,
                json_object('tx_hash', tx_hash, 'amount_units', amount_units, 'payer', payer,
                            'recipient', recipient, 'token', token, 'invoice_id', invoice_id)
         FROM chain_transfers
         WHERE id = ?3 AND state = 'unmatched' AND amount_units >= ?4 AND changes() > 0
         ON CONFLICT DO NOTHING",
        [
            (&ids.attention).into(),
            actor.at.into(),
            (&seen.id).into(),
            TOLD_FROM.into(),
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
            invoice_id.into(),
            reason.as_str().into(),
            display(seen.amount_units).into(),
            (&seen.id).into(),
        ],
    );
    vec![left, told, shown]
}

/// Micro-units as decimal USDC with six places.
#[must_use]
pub fn display(amount_units: i64) -> String {
    format!(
        "{}.{:06}",
        amount_units / 1_000_000,
        amount_units % 1_000_000
    )
}
