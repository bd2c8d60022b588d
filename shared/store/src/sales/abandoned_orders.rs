//! Orders that ended unpaid, and how they are purged: the order, its buyer's data, the
//! released use of its code, and its amount or address. Audit entries stay; they hold no data
//! of the buyer.
//!
//! An order is never purged if it was paid, even in part, if a transfer names it, or if it
//! was listed for an operator or changed by one.

use keywright_domain::invoice::watch::{DEFAULT_WATCH, MARGIN};
use keywright_ports::{Statement, Value};

/// The orders `i` that are purged: made before `?1`, watched by nobody at `?2`, the
/// oldest `?3`; `?4` is how long an order is watched whose provider does not say. The
/// condition does not read what the other statements of a purge delete.
macro_rules! purgeable {
    () => {
        "SELECT i.id FROM invoices i
         WHERE i.status IN ('expired', 'invalid') AND i.payment_state = 'unpaid'
           AND i.created_at < ?1 AND coalesce(i.watch_until, i.created_at + ?4) < ?2
           AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.invoice_id = i.id)
           AND NOT EXISTS (SELECT 1 FROM redemptions d
                           WHERE d.invoice_id = i.id AND d.state <> 'released')
           AND NOT EXISTS (SELECT 1 FROM chain_transfers t WHERE t.invoice_id = i.id)
           AND NOT EXISTS (SELECT 1 FROM usdc_orders o
                           WHERE o.invoice_id = i.id
                             AND (o.is_open = 1 OR o.reserved = 1 OR o.reserved_until >= ?2))
           AND NOT EXISTS (SELECT 1 FROM attention a
                           WHERE a.object_kind = 'invoice' AND a.object_id = i.id)
           AND NOT EXISTS (SELECT 1 FROM audit e
                           WHERE e.object_kind = 'invoice' AND e.object_id = i.id
                             AND (e.actor = 'operator' OR e.actor LIKE 'api_key:%'))
         ORDER BY i.created_at, i.id LIMIT ?3"
    };
}

/// Purges up to `most` orders made before `before`, both in unix seconds.
#[must_use]
pub fn purge(before: i64, now: i64, most: u32) -> [Statement; 3] {
    let params = || -> [Value; 4] {
        [
            before.into(),
            (now - MARGIN).into(),
            i64::from(most).into(),
            DEFAULT_WATCH.into(),
        ]
    };
    [
        Statement::new(
            concat!(
                "DELETE FROM redemptions WHERE invoice_id IN (",
                purgeable!(),
                ")"
            ),
            params(),
        ),
        Statement::new(
            concat!(
                "DELETE FROM usdc_orders WHERE invoice_id IN (",
                purgeable!(),
                ")"
            ),
            params(),
        ),
        // Last: the statements before read these rows.
        Statement::new(
            concat!("DELETE FROM invoices WHERE id IN (", purgeable!(), ")"),
            params(),
        ),
    ]
}
