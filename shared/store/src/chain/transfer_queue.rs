//! The transfers that wait to be judged. What cannot be judged is put off with
//! growing intervals and never stands before another one; after a while it is the
//! operator's.

use crate::chain::usdc_orders::ChainToken;
use crate::operator::audit::Actor;
use keywright_domain::usdc::retry::{self, RetryDecision};
use keywright_ports::{Database, DatabaseError, Reader, Stamps, Statement};
use serde::{Deserialize, Serialize};

/// Statements that [`put_off`] takes.
pub const STATEMENTS_TO_PUT_OFF: usize = 2;

/// Characters that are kept of what the endpoints said.
const MOST_CHARS: usize = 600;

/// A transfer that is to be judged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueuedTransfer {
    /// `UUIDv7`.
    pub id: String,
    /// The transaction.
    pub tx_hash: String,
    /// The log's number in its block, as it was recorded.
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
    /// Looks that came to nothing.
    pub tries: i64,
    /// The numbers of the logs of all recorded transfers that are equal to this one
    /// but for that number, its own included; of dust only its own, because there can
    /// be thousands.
    #[serde(deserialize_with = "crate::columns::json")]
    pub twins: Vec<i64>,
}

/// Transfers to judge now: those that pay an open order's whole price first, then those
/// of a cent or more, then dust, of which anybody can send any number; each with those
/// first that were looked at least often, in the order of the chain.
///
/// # Errors
/// [`DatabaseError`].
pub async fn to_judge(
    database: &Reader,
    market: &ChainToken,
    now: i64,
    limit: i64,
) -> Result<Vec<QueuedTransfer>, DatabaseError> {
    let statement = Statement::new(
        "WITH due AS (
           SELECT * FROM (SELECT t.id, 0 AS turn
                          FROM usdc_orders o CROSS JOIN chain_transfers t
                            ON t.chain_id = o.chain_id AND t.recipient = o.address
                               AND t.amount_units = o.amount_units AND t.state = 'seen'
                          WHERE o.chain_id = ?1 AND o.token = ?2 AND o.is_open = 1
                            AND t.next_try_at <= ?4
                          ORDER BY t.tries, t.block LIMIT ?3)
           UNION ALL
           SELECT * FROM (SELECT t.id, 0 AS turn
                          FROM usdc_orders o CROSS JOIN chain_transfers t
                            ON t.chain_id = o.chain_id AND t.recipient = o.address
                               AND t.state = 'seen'
                               AND t.amount_units > o.amount_units
                          WHERE o.chain_id = ?1 AND o.token = ?2 AND o.is_open = 1
                            AND o.derivation_index IS NOT NULL AND t.next_try_at <= ?4
                          ORDER BY t.tries, t.block LIMIT ?3)
           UNION ALL
           SELECT * FROM (SELECT id, 1 AS turn FROM chain_transfers
                          WHERE chain_id = ?1 AND state = 'seen' AND next_try_at <= ?4
                            AND (amount_units < 10000) = 0
                          ORDER BY tries, next_try_at LIMIT ?3)
           UNION ALL
           SELECT * FROM (SELECT id, 2 AS turn FROM chain_transfers
                          WHERE chain_id = ?1 AND state = 'seen' AND next_try_at <= ?4
                            AND (amount_units < 10000) = 1
                          ORDER BY tries, next_try_at LIMIT ?3))
         SELECT t.id, t.tx_hash, t.log_index, t.block, t.block_hash, t.token, t.payer,
                t.recipient, t.amount_units, t.tries,
                iif(t.amount_units < 10000, json_array(t.log_index),
                    (SELECT json_group_array(w.log_index) FROM chain_transfers w
                     WHERE w.chain_id = t.chain_id AND w.tx_hash = t.tx_hash
                       AND w.token = t.token AND w.payer = t.payer
                       AND w.recipient = t.recipient AND w.amount_units = t.amount_units
                       AND w.state <> 'reorged')) AS twins
         FROM (SELECT id, min(turn) AS turn FROM due GROUP BY id) AS d
         JOIN chain_transfers t ON t.id = d.id
         ORDER BY d.turn, t.tries, t.block, t.log_index LIMIT ?3",
        [
            market.chain_id.into(),
            (&market.token).into(),
            limit.into(),
            now.into(),
        ],
    );
    database.query(statement).await
}

/// A transfer that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostponedTransfer {
    id: String,
    tries: i64,
    because: String,
}

impl PostponedTransfer {
    /// A transfer, and what the endpoints said of it.
    #[must_use]
    pub fn new(seen: &QueuedTransfer, because: &str) -> Self {
        Self {
            id: seen.id.clone(),
            tries: seen.tries,
            because: because.chars().take(MOST_CHARS).collect(),
        }
    }
}

/// What is written of one that is put off.
#[derive(Serialize)]
struct PostponedRow<'a> {
    id: &'a str,
    tries: i64,
    next: i64,
    /// Whether it is the operator's from now on.
    left: bool,
    because: &'a str,
    /// Id of what the operator is told; none while that is too early.
    tell: Option<String>,
}

/// Puts off transfers that cannot be judged now: each is due again after an interval
/// that grows. From a number of tries on the operator is told, and after the last one
/// it is left to the operator.
///
/// # Errors
/// [`DatabaseError`].
pub async fn put_off(
    database: &Database,
    actor: &Actor,
    stamps: &Stamps,
    transfers: &[PostponedTransfer],
) -> Result<(), DatabaseError> {
    let rows: Vec<PostponedRow<'_>> = transfers
        .iter()
        .map(|one| {
            let next = retry::after(one.tries.saturating_add(1));
            let (seconds, tells) = match next {
                RetryDecision::Again(seconds) => (seconds, false),
                RetryDecision::AgainAndTell(seconds) => (seconds, true),
                RetryDecision::GiveUp => (0, true),
            };
            PostponedRow {
                id: &one.id,
                tries: one.tries,
                next: actor.at + seconds,
                left: next == RetryDecision::GiveUp,
                because: &one.because,
                tell: tells.then(|| stamps.new_id()),
            }
        })
        .collect();
    let list = serde_json::to_string(&rows).map_err(|e| DatabaseError::Row(e.to_string()))?;
    // Another tick may have counted the same look, or judged it.
    let later = Statement::new(
        "UPDATE chain_transfers
         SET tries = chain_transfers.tries + 1, next_try_at = p.next, checked_at = ?2,
             put_off_because = p.because,
             state = iif(p.is_left, 'unmatched', 'seen'), reason = iif(p.is_left, 'unknown', NULL),
             finding = iif(p.is_left, 'unconfirmed', NULL)
         FROM (SELECT value ->> 'id' AS id, value ->> 'tries' AS tries, value ->> 'next' AS next,
                      value ->> 'left' AS is_left, value ->> 'because' AS because
               FROM json_each(?1)) AS p
         WHERE chain_transfers.id = p.id AND chain_transfers.state = 'seen'
           AND chain_transfers.tries = p.tries",
        [list.clone().into(), actor.at.into()],
    );
    let told = Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT p.value ->> 'tell', ?2, 'usdc_unconfirmed', 'transfer', t.id,
                json_object('tx_hash', t.tx_hash, 'amount_units', t.amount_units,
                            'payer', t.payer, 'recipient', t.recipient, 'token', t.token,
                            'found_by', t.found_by, 'tries', t.tries, 'is_given_up',
                            json(iif(t.state = 'unmatched', 'true', 'false')),
                            'said', t.put_off_because)
         FROM json_each(?1) AS p JOIN chain_transfers t ON t.id = p.value ->> 'id'
         WHERE p.value ->> 'tell' IS NOT NULL
           AND (t.state = 'seen' OR t.finding = 'unconfirmed' AND t.state = 'unmatched')
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details
         WHERE attention.resolved_at IS NULL",
        [list.into(), actor.at.into()],
    );
    database.aside(vec![later, told]).await.map(drop)
}
