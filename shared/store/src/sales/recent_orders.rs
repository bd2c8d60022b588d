//! Orders that cost their buyer nothing yet, by where they came from: the caps of
//! [`keywright_domain::recent_orders`], held by the statement that counts an order.
//!
//! The statement goes into the batch that records the order. Where a cap is
//! reached it writes NULL into a column that takes none, so the whole batch is
//! undone: no order, no use of a code, no license, nothing at a payment provider.

use keywright_domain::recent_orders::{
    CODE_COUNTED_SECONDS, CROWDED, MOST, OrderKind, OrderOrigin, TRIAL_SECONDS, TRIALS_PER_EMAIL,
};
use keywright_ports::{DatabaseError, Reader, Statement, Value};
use serde::Deserialize;

/// The cap that an order would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderCap {
    /// Orders of this kind from one origin, or all orders together.
    Orders(OrderKind),
    /// Unpaid orders that have a discount code with limited uses.
    Codes,
    /// Trials of the product for one e-mail address.
    Email,
}

/// The orders `o` of a kind that still count and are not paid.
macro_rules! counted {
    ($which:literal) => {
        concat!(
            "(SELECT count(*) FROM recent_orders o JOIN invoices u ON u.id = o.invoice_id
              WHERE o.kind = ?6 AND ",
            $which,
            " AND (o.kind <> 'unpaid' OR u.status <> 'settled' AND u.payment_state = 'unpaid'))"
        )
    };
}

/// All orders of the last hour, including some that were paid in the last minutes; counted
/// up to the cap.
macro_rules! everybody {
    () => {
        "(SELECT count(*) FROM (SELECT 1 FROM recent_orders
                                WHERE kind IN ('unpaid', 'free', 'trial')
                                  AND ordered_at > ?5 - 3600
                                LIMIT ?12))"
    };
}

/// The statement that counts an order which the same batch records.
pub(crate) fn count(
    kind: OrderKind,
    origin: &OrderOrigin,
    invoice_id: &str,
    now: i64,
) -> Statement {
    // As `recent_orders::shrunk`. Narrow counts come first: they are the cheap ones.
    Statement::new(
        concat!(
            "INSERT INTO recent_orders (invoice_id, kind, caller, with_code, ordered_at)
             SELECT i.id,
                    CASE
                      WHEN ?6 = 'trial'
                       AND (SELECT count(*) FROM licenses l
                            WHERE lower(trim(l.buyer_email)) = lower(trim(i.buyer_email))
                              AND l.buyer_email IS NOT NULL
                              AND l.product_id = i.product_id AND l.is_trial = 1
                              AND l.issued_at > ?5 - ?18) >= ?19 THEN NULL
                      ELSE ?6
                    END,
                    CASE
                      WHEN ",
            counted!("o.caller = ?2 AND o.ordered_at > ?7"),
            " >= ?9 THEN NULL
                      WHEN ",
            counted!("o.caller >= ?3 AND o.caller < ?3 || 'g' AND o.ordered_at > ?7"),
            " >= ?10 THEN NULL
                      WHEN ",
            counted!("o.caller >= ?4 AND o.caller < ?4 || 'g' AND o.ordered_at > ?7"),
            " >= (SELECT CASE WHEN e.open < ?13 THEN ?11
                              WHEN e.open >= ?12 THEN 0
                              ELSE max(?11 * (?12 - e.open) / (?12 - ?13), 1) END
                        FROM (SELECT ",
            everybody!(),
            " AS open) AS e) THEN NULL
                      ELSE ?2
                    END,
                    CASE
                      WHEN c.id IS NULL OR ?6 <> 'unpaid' THEN 0
                      WHEN ",
            counted!("o.caller = ?2 AND o.with_code = 1 AND o.ordered_at > ?8"),
            " >= ?14 THEN NULL
                      WHEN ",
            counted!(
                "o.caller >= ?3 AND o.caller < ?3 || 'g' AND o.with_code = 1
                 AND o.ordered_at > ?8"
            ),
            " >= ?15 THEN NULL
                      WHEN ",
            counted!(
                "o.caller >= ?4 AND o.caller < ?4 || 'g' AND o.with_code = 1
                 AND o.ordered_at > ?8"
            ),
            " >= ?16 THEN NULL
                      WHEN ?17 = 0 AND ",
            counted!(
                "o.caller >= ?4 AND o.caller < ?4 || 'g' AND o.with_code = 1
                 AND o.ordered_at > ?7
                 AND EXISTS (SELECT 1 FROM redemptions h
                             WHERE h.invoice_id = o.invoice_id AND h.code_id = c.id
                               AND h.state = 'reserved')"
            ),
            " >= max(c.max_uses / 2, 1) THEN NULL
                      ELSE 1
                    END,
                    ?5
             FROM invoices i
             LEFT JOIN redemptions r ON r.invoice_id = i.id
             LEFT JOIN discount_codes c ON c.id = r.code_id AND c.max_uses IS NOT NULL
             WHERE i.id = ?1"
        ),
        params(kind, origin, invoice_id, now),
    )
}

fn params(kind: OrderKind, origin: &OrderOrigin, invoice_id: &str, now: i64) -> [Value; 19] {
    let (orders, codes) = (origin.orders(), origin.codes());
    [
        invoice_id.into(),
        origin.caller().into(),
        origin.network().into(),
        origin.provider().into(),
        now.into(),
        kind.as_str().into(),
        (now - kind.counted_seconds()).into(),
        (now - CODE_COUNTED_SECONDS).into(),
        orders.caller.into(),
        orders.network.into(),
        orders.provider.into(),
        MOST.into(),
        CROWDED.into(),
        codes.caller.into(),
        codes.network.into(),
        codes.provider.into(),
        origin.is_unknown().into(),
        TRIAL_SECONDS.into(),
        TRIALS_PER_EMAIL.into(),
    ]
}

/// The cap that undid a batch with [`count`] of this kind in it; `None` for any other error.
pub(crate) fn reached_cap(kind: OrderKind, error: &DatabaseError) -> Option<OrderCap> {
    let DatabaseError::Constraint(text) = error else {
        return None;
    };
    if text.contains("recent_orders.caller") {
        Some(OrderCap::Orders(kind))
    } else if text.contains("recent_orders.with_code") {
        Some(OrderCap::Codes)
    } else if text.contains("recent_orders.kind") {
        Some(OrderCap::Email)
    } else {
        None
    }
}

/// Seconds until the oldest order that fills a cap stops counting; the whole time if no
/// order is of this caller's network.
pub async fn wait(
    database: &Reader,
    origin: &OrderOrigin,
    cap: OrderCap,
    now: i64,
) -> Result<i64, DatabaseError> {
    #[derive(Deserialize)]
    struct Oldest {
        ordered_at: Option<i64>,
    }
    let (kind, counted) = match cap {
        OrderCap::Orders(kind) => (kind, kind.counted_seconds()),
        OrderCap::Codes => (OrderKind::Unpaid, CODE_COUNTED_SECONDS),
        OrderCap::Email => return Ok(OrderKind::Trial.counted_seconds()),
    };
    let statement = Statement::new(
        "SELECT min(o.ordered_at) AS ordered_at
         FROM recent_orders o JOIN invoices u ON u.id = o.invoice_id
         WHERE o.caller >= ?1 AND o.caller < ?1 || 'g' AND o.ordered_at > ?2 AND o.with_code >= ?3
           AND o.kind = ?4
           AND (o.kind <> 'unpaid' OR u.status <> 'settled' AND u.payment_state = 'unpaid')",
        [
            origin.provider().into(),
            (now - counted).into(),
            i64::from(cap == OrderCap::Codes).into(),
            kind.as_str().into(),
        ],
    );
    let oldest: Option<Oldest> = database.first(statement).await?;
    let at = oldest.and_then(|oldest| oldest.ordered_at).unwrap_or(now);
    Ok((at + counted - now).clamp(1, counted))
}

/// Removes up to `most` orders that do not count any more: their time is over, or they were
/// paid. It reads those, and the unpaid ones of the last hour, which are capped.
#[must_use]
pub fn forget(now: i64, most: u32) -> Statement {
    Statement::new(
        "DELETE FROM recent_orders WHERE invoice_id IN
           (SELECT invoice_id FROM recent_orders
            WHERE kind IN ('unpaid', 'free') AND ordered_at <= ?1
            UNION ALL
            SELECT invoice_id FROM recent_orders WHERE kind = 'trial' AND ordered_at <= ?2
            UNION ALL
            SELECT o.invoice_id FROM recent_orders o CROSS JOIN invoices u ON u.id = o.invoice_id
            WHERE o.kind = 'unpaid' AND o.ordered_at > ?1 AND u.status = 'settled'
            LIMIT ?3)",
        [
            (now - OrderKind::Unpaid.counted_seconds()).into(),
            (now - OrderKind::Trial.counted_seconds()).into(),
            i64::from(most).into(),
        ],
    )
}
