//! Transfers of tokens to the vendor's addresses, each recorded once, and what
//! became of it. A transfer that pays an order settles it in one batch; any other
//! is for the operator. None is ever deleted.

use crate::chain::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use keywright_ports::{Database, DatabaseError, Statement};
use serde::Serialize;

/// Statements that record transfers.
pub const STATEMENTS_TO_RECORD: usize = 3;

/// A transfer as it was read of the chain; addresses and hashes lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewTransfer {
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
    /// The host of the endpoint that reported it.
    pub found_by: String,
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
    market: &ChainToken,
    found: &[NewTransfer],
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
                                      checked_at, found_by)
         SELECT value ->> 'id', ?1, value ->> 'tx_hash', value ->> 'log_index', value ->> 'block',
                value ->> 'block_hash', value ->> 'token', value ->> 'payer',
                value ->> 'recipient', value ->> 'amount_units', 'seen', ?5, ?5,
                value ->> 'found_by'
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

/// Records transfers of blocks that count as read, which reading left out, while the step
/// is the last one that was taken.
///
/// # Errors
/// [`DatabaseError`].
pub async fn record_missed(
    database: &Database,
    actor: &Actor,
    market: &ChainToken,
    found: &[NewTransfer],
    step_id: &str,
) -> Result<(), DatabaseError> {
    let batch = record(actor, market, found, step_id)?;
    database.batch(batch.into()).await.map(drop)
}

/// Marks the transfers behind a block, if the cursor's step was taken, and tells
/// the operator of those that were credited.
pub(crate) fn taken_back(
    actor: &Actor,
    market: &ChainToken,
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

/// Micro-units as decimal USDC with six places.
#[must_use]
pub fn display(amount_units: i64) -> String {
    format!(
        "{}.{:06}",
        amount_units / 1_000_000,
        amount_units % 1_000_000
    )
}
