//! The orders that the reconciler checks: those whose turn has come, and those that a
//! provider lists as paid.

use crate::sales::payable::{Payable, payable_columns};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Serialize;
use serde_json::json;

/// Claims the orders whose turn has come at these stores (`""` for that of the
/// configuration) until `again_at`: a tick that runs at the same time gets others, and one
/// that dies leaves them for a later one. For each store up to `limit` orders that are not
/// settled, up to a third of `limit` with a payment, and as many settled ones, each the most
/// overdue first.
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
    let mut batch = Batch::new();
    let claimed = batch.read(statement);
    batch.run(database).await?.all(claimed)
}

/// The orders among these ids that are paid at a provider and not settled here yet, the oldest
/// first.
pub async fn unsettled_among(
    database: &Reader,
    ids: &[&str],
) -> Result<Vec<Payable>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT ",
            payable_columns!(),
            " FROM invoices
         WHERE id IN (SELECT value FROM json_each(?1)) AND provider IN ('btcpay', 'zaprite')
           AND status <> 'settled'
         ORDER BY created_at, id"
        ),
        [json!(ids).to_string().into()],
    );
    database.query(statement).await
}

/// When the reconciler checks an order again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextCheck {
    /// The order.
    pub id: String,
    /// Unix seconds; `None` never.
    pub at: Option<i64>,
}

/// The statement that sets when these orders are checked again.
#[must_use]
pub fn check_again(next: &[NextCheck]) -> Statement {
    Statement::new(
        "UPDATE invoices
         SET next_check_at = (SELECT value ->> 'at' FROM json_each(?1) WHERE value ->> 'id' = invoices.id)
         WHERE id IN (SELECT value ->> 'id' FROM json_each(?1))",
        [json!(next).to_string().into()],
    )
}

/// Has the reconciler check an order in its next tick, whatever was planned for it.
pub async fn check_soon(database: &Database, id: &str, now: i64) -> Result<(), DatabaseError> {
    let update = Statement::new(
        "UPDATE invoices SET next_check_at = min(coalesce(next_check_at, ?2), ?2) WHERE id = ?1",
        [id.into(), now.into()],
    );
    database.batch(vec![update]).await.map(drop)
}
