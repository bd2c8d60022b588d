//! The uses of discount codes: reserved with the order, used when it settles, released when
//! it ends without a payment.
//!
//! An unpaid order keeps its use for [`CODE_KEPT_SECONDS`]; afterwards an order that finds no
//! other use takes it over. The order that lost its use keeps its price, and counts again as
//! soon as a payment for it is observed.
//!
//! `discount_codes.used_count` counts the redemptions that are reserved or used. Only this
//! module changes it, in the batch that changes their state. A code is never reserved more
//! often than `max_uses`, because the statement that reserves checks it. A code can be *used*
//! more often in one case: a payment that arrives after its reservation was released is
//! honoured, because the buyer was promised the price and has paid; the count then exceeds
//! the limit.

use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::recent_orders::CODE_KEPT_SECONDS;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement, Value};

/// Most reservations that one call of [`reap`] releases.
pub const REAPED_AT_ONCE: usize = 20;

/// One use of a code by one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// A new `UUIDv7`, of the redemption.
    pub id: String,
    /// The code.
    pub code_id: String,
}

/// The reserved uses `r` of the code `c` that another order may take over at `$now`:
/// nothing was paid for them, and they were reserved some minutes ago.
macro_rules! yieldable {
    ($code:literal, $before:literal) => {
        concat!(
            " FROM redemptions r JOIN invoices u ON u.id = r.invoice_id
              WHERE r.code_id = ",
            $code,
            " AND r.state = 'reserved' AND r.reserved_at <= ",
            $before,
            " AND u.status = 'pending' AND u.payment_state = 'unpaid'
              AND NOT EXISTS (SELECT 1 FROM usdc_orders o JOIN chain_transfers t
                                ON t.chain_id = o.chain_id AND t.recipient = o.address
                                   AND t.amount_units = o.amount_units
                              WHERE o.invoice_id = u.id AND t.state = 'seen') "
        )
    };
}
pub(crate) use yieldable;

/// The newest reservation time whose use another order may take over now.
pub(crate) const fn yields_before(now: i64) -> i64 {
    now - CODE_KEPT_SECONDS
}

/// Releases the uses that a new order needs, of those that unpaid orders have kept for long
/// enough, the oldest first; none if a use is left anyway, or if these are not enough.
pub(crate) fn yielded(code_id: &str, now: i64) -> [Statement; 2] {
    let params = || [code_id.into(), yields_before(now).into(), now.into()];
    [
        Statement::new(
            concat!(
                "UPDATE redemptions SET state = 'released', ended_at = ?3
                 WHERE id IN
                   (SELECT r.id",
                yieldable!("?1", "?2"),
                "   ORDER BY r.reserved_at, r.id
                    LIMIT coalesce((SELECT max(c.used_count - c.max_uses + 1, 0)
                                    FROM discount_codes c WHERE c.id = ?1), 0))
                   AND EXISTS (SELECT 1 FROM discount_codes c
                               WHERE c.id = ?1 AND c.used_count >= c.max_uses
                                 AND c.used_count - (SELECT count(*)",
                yieldable!("?1", "?2"),
                ") < c.max_uses)"
            ),
            params(),
        ),
        Statement::new(
            "UPDATE discount_codes SET used_count = max(used_count - changes(), 0)
             WHERE id = ?1 AND changes() > 0",
            [code_id.into()],
        ),
    ]
}

/// Reserves again the use that an order lost, because a payment for it was observed: even
/// above the limit, because the money is on its way. Hangs on the step of the observation.
pub(crate) fn paid_again(invoice_id: &str, step_id: &str) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE discount_codes SET used_count = used_count + 1
             WHERE id = (SELECT r.code_id FROM redemptions r JOIN invoices i ON i.id = r.invoice_id
                         WHERE r.invoice_id = ?1 AND r.state = 'released'
                           AND i.status = 'pending' AND i.step_id = ?2)",
            [invoice_id.into(), step_id.into()],
        ),
        Statement::new(
            "UPDATE redemptions SET state = 'reserved', ended_at = NULL
             WHERE invoice_id = ?1 AND state = 'released'
               AND EXISTS (SELECT 1 FROM invoices
                           WHERE id = ?1 AND status = 'pending' AND step_id = ?2)",
            [invoice_id.into(), step_id.into()],
        ),
    ]
}

/// Takes one use of a code; changes no row if none is left. The rest of the batch depends on
/// that.
pub(crate) fn take(code_id: &str, now: i64) -> Statement {
    Statement::new(
        "UPDATE discount_codes SET used_count = used_count + 1
         WHERE id = ?1 AND active = 1 AND (expires_at IS NULL OR expires_at > ?2)
           AND (max_uses IS NULL OR used_count < max_uses)",
        [code_id.into(), now.into()],
    )
}

/// Records the use that was taken, if its order was recorded, and then answers a row.
pub(crate) fn reserve(reservation: &Reservation, invoice_id: &str, now: i64) -> Statement {
    Statement::new(
        "INSERT INTO redemptions (id, code_id, invoice_id, state, discount_sats, reserved_at)
         SELECT ?1, ?2, id, 'reserved', base_price_sats - amount_sats, ?4
         FROM invoices WHERE id = ?3
         RETURNING id",
        [
            (&reservation.id).into(),
            (&reservation.code_id).into(),
            invoice_id.into(),
            now.into(),
        ],
    )
}

/// Turns the use of a settled invoice, if it has one, into `used`, with one event. It comes
/// after the license, which the event names.
pub(crate) fn used(actor: &Actor, invoice_id: &str, event_id: &str) -> [Statement; 3] {
    [
        // A released use counts again.
        Statement::new(
            "UPDATE discount_codes SET used_count = used_count + 1
             WHERE id = (SELECT r.code_id FROM redemptions r JOIN invoices i ON i.id = r.invoice_id
                         WHERE r.invoice_id = ?1 AND r.state = 'released'
                           AND i.status = 'settled')",
            [invoice_id.into()],
        ),
        Statement::new(
            "UPDATE redemptions SET state = 'used', ended_at = ?2
             WHERE invoice_id = ?1 AND state <> 'used'
               AND 'settled' = (SELECT status FROM invoices WHERE id = ?1)",
            [invoice_id.into(), actor.at.into()],
        ),
        Statement::new(
            "INSERT INTO events (id, at, event_type, data)
             SELECT ?1, ?2, ?4,
                    json_object('redemption_id', r.id, 'code_id', c.id, 'code', c.code,
                                'license_id', l.id, 'product_id', i.product_id,
                                'invoice_id', i.id,
                                'discount_applied_sats', i.base_price_sats - i.amount_sats,
                                'base_price_sats', i.base_price_sats,
                                'final_price_sats', i.amount_sats,
                                'price_currency', i.price_currency,
                                'discount_applied_value',
                                  coalesce(i.base_price_amount - i.price_amount, r.discount_sats),
                                'base_price_value',
                                  coalesce(i.base_price_amount, i.base_price_sats),
                                'final_price_value', coalesce(i.price_amount, i.amount_sats))
             FROM redemptions r
             JOIN discount_codes c ON c.id = r.code_id
             JOIN invoices i ON i.id = r.invoice_id
             JOIN receipts p ON p.invoice_id = i.id
             JOIN licenses l ON l.receipt_id = p.id
             WHERE r.invoice_id = ?3 AND changes() > 0",
            [
                event_id.into(),
                actor.at.into(),
                invoice_id.into(),
                EventType::CodeRedeemed.as_str().into(),
            ],
        ),
    ]
}

/// Releases the use of an invoice that ended unpaid, once, if it has one; with a step, only
/// if that step was taken. A settled invoice has nothing to release: its use is `used`.
pub(crate) fn released(actor: &Actor, invoice_id: &str, step_id: Option<&str>) -> [Statement; 2] {
    [
        Statement::new(
            // Never below 0: a wrong count must not keep an invoice from ending.
            "UPDATE discount_codes SET used_count = max(used_count - 1, 0)
             WHERE id = (SELECT r.code_id FROM redemptions r JOIN invoices i ON i.id = r.invoice_id
                         WHERE r.invoice_id = ?1 AND r.state = 'reserved'
                           AND (?2 IS NULL OR i.step_id = ?2))",
            [invoice_id.into(), step_id.into()],
        ),
        Statement::new(
            "UPDATE redemptions SET state = 'released', ended_at = ?2
             WHERE invoice_id = ?1 AND state = 'reserved'
               AND (?3 IS NULL OR ?3 = (SELECT step_id FROM invoices WHERE id = ?1))",
            [invoice_id.into(), actor.at.into(), step_id.into()],
        ),
    ]
}

/// The oldest `?2` reservations from before `?1` whose order has no invoice at a payment
/// provider, numbered from 0. The query starts at the uses that are reserved, which are few
/// and have an index; codes, uses and orders only grow.
macro_rules! forgotten {
    () => {
        "SELECT r.id, r.code_id, row_number() OVER (ORDER BY r.reserved_at, r.id) - 1 AS number
         FROM redemptions r CROSS JOIN invoices i ON i.id = r.invoice_id
         WHERE i.status = 'pending' AND i.provider_invoice_id IS NULL
           AND r.state = 'reserved' AND r.reserved_at < ?1
         ORDER BY r.reserved_at, r.id LIMIT ?2"
    };
}

/// Releases reservations made before `before` whose order never got an invoice at a payment
/// provider, the oldest first and at most one for each of `audit_ids`, each with its audit
/// entry. The orders stay as they are: only the provider knows whether they can still be
/// paid. Answers how many were released.
pub async fn reap(
    database: &Database,
    actor: &Actor,
    before: i64,
    audit_ids: &[String; REAPED_AT_ONCE],
) -> Result<usize, DatabaseError> {
    let limit = i64::try_from(REAPED_AT_ONCE).unwrap_or_default();
    let entries = Statement::new(
        insert_into_audit!(
            "SELECT ids.value, ?3, ?4, 'redemption.release', 'redemption', f.id,
                    '{\"state\":\"reserved\"}',
                    '{\"state\":\"released\",\"reason\":\"the order never got an invoice\"}', ?5
             FROM (",
            forgotten!(),
            ") AS f JOIN json_each(?6) AS ids ON ids.key = f.number"
        ),
        [
            before.into(),
            limit.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            serde_json::Value::from(audit_ids.to_vec())
                .to_string()
                .into(),
        ],
    );
    let counts = Statement::new(
        concat!(
            "WITH f AS (",
            forgotten!(),
            ")
             UPDATE discount_codes
             SET used_count =
                   max(used_count - (SELECT count(*) FROM f WHERE f.code_id = discount_codes.id), 0)
             WHERE id IN (SELECT code_id FROM f)"
        ),
        [before.into(), limit.into()],
    );
    let released = Statement::new(
        concat!(
            "UPDATE redemptions SET state = 'released', ended_at = ?3
             WHERE id IN (SELECT id FROM (",
            forgotten!(),
            ")) RETURNING id"
        ),
        [before.into(), limit.into(), Value::from(actor.at)],
    );
    // The redemptions come last: the statements before read them.
    let mut batch = Batch::new();
    batch.extend([entries, counts]);
    let released = batch.read::<Row>(released);
    Ok(batch.run(database).await?.all(released)?.len())
}
