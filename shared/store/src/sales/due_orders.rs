//! Orders that the reconciler asks for: those whose turn has come, and those that a
//! provider lists as paid.

use crate::sales::invoices::{Payable, payable_columns};
use keywright_ports::{Database, DatabaseError, Reader, Statement, decode};
use serde::Serialize;
use serde_json::json;

/// Purchases whose turn has come at these stores (`""` for that of the
/// configuration), and claims them until `again_at`: a tick that runs at the same time
/// gets others, and one that dies leaves them for a later one. Of each store up to
/// `limit` that are not settled, up to a third of that of which something was paid, and
/// as many settled ones, each the most overdue first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn claim(
    database: &Database,
    stores: &[&str],
    now: i64,
    again_at: i64,
    limit: i64,
) -> Result<Vec<Payable>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "UPDATE invoices SET next_check_at = ?2, checks = checks + 1
         WHERE id IN
           (SELECT i.id FROM json_each(?3) s JOIN invoices i ON i.id IN
             (SELECT id FROM
                (SELECT id FROM invoices
                 WHERE payment_provider_id IS nullif(s.value, '') AND next_check_at IS NOT NULL
                   AND status <> 'settled' AND payment_state <> 'unpaid' AND next_check_at <= ?1
                 ORDER BY next_check_at LIMIT ?5)
              UNION
              SELECT id FROM
                (SELECT id FROM invoices
                 WHERE payment_provider_id IS nullif(s.value, '') AND next_check_at IS NOT NULL
                   AND status <> 'settled' AND next_check_at <= ?1
                 ORDER BY next_check_at LIMIT ?4)
              UNION
              SELECT id FROM
                (SELECT id FROM invoices
                 WHERE payment_provider_id IS nullif(s.value, '') AND next_check_at IS NOT NULL
                   AND status = 'settled' AND next_check_at <= ?1
                 ORDER BY next_check_at LIMIT ?5)))
         RETURNING ",
            payable_columns!()
        ),
        [
            now.into(),
            again_at.into(),
            json!(stores).to_string().into(),
            limit.into(),
            // Divided here: D1 binds whole numbers as floating-point ones, whose third
            // is no limit.
            ((limit + 2) / 3).into(),
        ],
    );
    let mut answers = database.batch(vec![statement]).await?;
    decode(answers.pop().unwrap_or_default())
}

/// Those of these orders that are paid at `BTCPay` and not settled here yet, the oldest
/// first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn unsettled_among(
    database: &Reader,
    ids: &[&str],
) -> Result<Vec<Payable>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT ",
            payable_columns!(),
            " FROM invoices
         WHERE id IN (SELECT value FROM json_each(?1)) AND provider = 'btcpay'
           AND status <> 'settled'
         ORDER BY created_at, id"
        ),
        [json!(ids).to_string().into()],
    );
    database.query(statement).await
}

/// When the reconciler asks for a purchase again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextCheck {
    /// The purchase.
    pub id: String,
    /// Unix seconds; `None` never.
    pub at: Option<i64>,
}

/// The statement that sets when the reconciler asks again, for all of them.
#[must_use]
pub fn check_again(next: &[NextCheck]) -> Statement {
    Statement::new(
        "UPDATE invoices
         SET next_check_at = (SELECT value ->> 'at' FROM json_each(?1) WHERE value ->> 'id' = invoices.id)
         WHERE id IN (SELECT value ->> 'id' FROM json_each(?1))",
        [json!(next).to_string().into()],
    )
}
