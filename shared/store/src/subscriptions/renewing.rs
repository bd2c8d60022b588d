//! A payment for a cycle: it extends the license that is there, once.

use super::cycles;
use super::starting::SubscriptionIds;
use crate::operator::audit::{Actor, insert_into_audit};
use crate::sales::receipts;
use crate::sales::settle::PaymentFacts;
use crate::tier_changes::applying::{AppliedIds, applying, due_entries, list_of};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::Statement;
use keywright_ports::receipt_keys::ReceiptKeys;

/// The statements that record the payment of a cycle. All but the first hang on the receipt
/// of this batch, and what is bought on the cycle that names it: so a payment that was
/// recorded before, or a second one of the same cycle, extends nothing. The arithmetic is
/// that of `keywright_domain::subscription::bought_time`.
pub(crate) fn renewing(
    actor: &Actor,
    paid: PaymentFacts<'_>,
    cycle_id: &str,
    license_id: &str,
    receipt_id: &str,
    ids: &SubscriptionIds,
    keys: &ReceiptKeys,
) -> Vec<Statement> {
    let receipt = paid.receipt(receipt_id, license_id);
    let change_id = paid.subscription.tier_change_id.as_deref();
    let mut batch = vec![receipts::of_order(&receipt, keys)];
    batch.extend(change_id.map(|id| take_change(id, receipt_id)));
    batch.extend([
        pay_cycle(cycle_id, receipt_id),
        extend_license(actor, receipt_id),
        move_subscription(actor, receipt_id, ids),
        close_other_orders(cycle_id, receipt_id, paid.invoice_id, actor.at),
        close_upgrades(license_id, receipt_id, actor.at),
        entry(actor, receipt_id, ids),
        event(actor, receipt_id, ids),
        paid_twice(actor, cycle_id, receipt_id, paid.invoice_id, ids),
        paid_after_end(actor, receipt_id, paid.invoice_id, ids),
    ]);
    if let Some(id) = change_id {
        batch.extend(change_paid(actor, id, receipt_id));
        let list = list_of(&[AppliedIds {
            audit_id: ids.cycle.clone(),
            event_id: ids.attention[1].clone(),
            change_id: id.to_owned(),
        }]);
        batch.push(due_entries(actor, &list));
        batch.extend(applying(actor, &list));
    }
    batch.push(paid_before_change(actor, receipt_id, paid.invoice_id, ids));
    batch
}

/// The change that is booked gives the period its length and its grace, if this order has
/// its price.
fn take_change(tier_change_id: &str, receipt_id: &str) -> Statement {
    Statement::new(
        "UPDATE subscriptions AS s
         SET terms = t.effect -> '$.terms', policy_id = t.to_policy_id
         FROM receipts r
         JOIN invoices i ON i.id = r.invoice_id
         JOIN subscription_cycles c ON c.id = i.cycle_id
         JOIN tier_changes t ON t.id = ?2
         WHERE r.id = ?1 AND s.id = c.subscription_id AND s.booked_change_id = t.id
           AND c.state <> 'paid' AND coalesce(i.price_amount, i.amount_sats) >= c.price_amount",
        [receipt_id.into(), tier_change_id.into()],
    )
}

/// The change waits for the period that is paid, and makes room for the next one.
fn change_paid(actor: &Actor, tier_change_id: &str, receipt_id: &str) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE tier_changes AS t SET state = 'paid', effective_at = c.starts_at
             FROM subscription_cycles c JOIN subscriptions s ON s.id = c.subscription_id
             WHERE t.id = ?2 AND c.receipt_id = ?1 AND s.booked_change_id = t.id
               AND t.state = 'booked'",
            [receipt_id.into(), tier_change_id.into()],
        ),
        Statement::new(
            "UPDATE subscriptions SET booked_change_id = NULL, next_step_at = ?2
             WHERE booked_change_id = ?1
               AND EXISTS (SELECT 1 FROM tier_changes WHERE id = ?1 AND state = 'paid')",
            [tier_change_id.into(), actor.at.into()],
        ),
    ]
}

/// An upgrade was priced for the period that ran; it is offered again.
fn close_upgrades(license_id: &str, receipt_id: &str, now: i64) -> Statement {
    Statement::new(
        "UPDATE invoices
         SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?3)
         WHERE status = 'pending' AND cycle_id IS NULL AND tier_change_id IN
             (SELECT id FROM tier_changes WHERE license_id = ?1 AND state = 'open')
           AND EXISTS (SELECT 1 FROM subscription_cycles WHERE receipt_id = ?2)",
        [
            license_id.into(),
            receipt_id.into(),
            (now + cycles::READ_AGAIN_AFTER).into(),
        ],
    )
}

/// An order of before paid the cycle, so that it runs as before, and the change waits.
fn paid_before_change(
    actor: &Actor,
    receipt_id: &str,
    invoice_id: &str,
    ids: &SubscriptionIds,
) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, 'paid_before_change', 'invoice', ?4,
                json_object('subscription_id', s.id, 'license_id', s.license_id,
                            'cycle', c.number, 'tier_change_id', s.booked_change_id)
         FROM subscription_cycles c JOIN subscriptions s ON s.id = c.subscription_id
         WHERE c.receipt_id = ?3 AND s.booked_change_id IS NOT NULL
         ON CONFLICT (kind, object_kind, object_id) DO NOTHING",
        [
            (&ids.attention[0]).into(),
            actor.at.into(),
            receipt_id.into(),
            invoice_id.into(),
        ],
    )
}

/// An order of before that asks for less than the cycle costs now does not pay it.
fn pay_cycle(cycle_id: &str, receipt_id: &str) -> Statement {
    Statement::new(
        "UPDATE subscription_cycles AS c
         SET state = 'paid', paid_at = b.received_at, invoice_id = b.invoice_id,
             receipt_id = b.receipt_id, price_amount = b.price, starts_at = b.starts_at, ends_at = b.starts_at + b.period
         FROM (SELECT s.id AS subscription_id, r.id AS receipt_id, r.received_at, r.invoice_id,
                      p.period, coalesce(i.price_amount, i.amount_sats) AS price,
                      CASE WHEN l.expires_at IS NULL
                             OR l.expires_at + p.period <= r.received_at
                             OR (l.expires_at <= r.received_at
                                 AND s.state IN ('lapsed', 'cancelled', 'trialing'))
                           THEN r.received_at ELSE l.expires_at END AS starts_at
               FROM subscription_cycles k
               JOIN subscriptions s ON s.id = k.subscription_id
               JOIN (SELECT id, (terms ->> '$.period_days') * 86400 AS period
                     FROM subscriptions) AS p ON p.id = s.id
               JOIN licenses l ON l.id = s.license_id
               JOIN receipts r ON r.id = ?2
               JOIN invoices i ON i.id = r.invoice_id
               WHERE k.id = ?1) AS b
         WHERE c.id = ?1 AND c.state <> 'paid' AND b.price >= c.price_amount",
        [cycle_id.into(), receipt_id.into()],
    )
}

/// A license that never expires stays so.
fn extend_license(actor: &Actor, receipt_id: &str) -> Statement {
    Statement::new(
        "UPDATE licenses AS l
         SET expires_at = iif(l.expires_at IS NULL, NULL, b.ends_at),
             grace_seconds = b.grace, is_trial = 0, updated_at = ?2
         FROM (SELECT s.license_id, c.ends_at, (s.terms ->> '$.grace_days') * 86400 AS grace
               FROM subscription_cycles c JOIN subscriptions s ON s.id = c.subscription_id
               WHERE c.receipt_id = ?1) AS b
         WHERE l.id = b.license_id",
        [receipt_id.into(), actor.at.into()],
    )
}

/// A payment for a cycle that was opened before the cancellation restarts nothing; one that
/// was opened after it is how a buyer comes back.
fn move_subscription(actor: &Actor, receipt_id: &str, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        "UPDATE subscriptions AS s
         SET state = iif(b.stays, 'cancelled', 'active'),
             paid_cycles = max(s.paid_cycles, b.number), grace_until = NULL, lapsed_at = NULL,
             cancelled_at = iif(b.stays, s.cancelled_at, NULL),
             cancelled_by = iif(b.stays, s.cancelled_by, NULL),
             cancel_reason = iif(b.stays, s.cancel_reason, NULL),
             next_step_at = iif(b.stays, NULL, ?2), step_id = ?3, updated_at = ?2
         FROM (SELECT c.subscription_id, c.number,
                      o.state = 'cancelled'
                        AND (c.opened_at <= o.cancelled_at OR l.status = 'revoked') AS stays
               FROM subscription_cycles c
               JOIN subscriptions o ON o.id = c.subscription_id
               JOIN licenses l ON l.id = o.license_id
               WHERE c.receipt_id = ?1) AS b
         WHERE s.id = b.subscription_id",
        [
            receipt_id.into(),
            actor.at.into(),
            (&ids.subscription).into(),
        ],
    )
}

/// They are still read, in case one of them is paid too.
fn close_other_orders(cycle_id: &str, receipt_id: &str, invoice_id: &str, now: i64) -> Statement {
    Statement::new(
        "UPDATE invoices
         SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?4)
         WHERE cycle_id = ?1 AND status = 'pending' AND id <> ?3
           AND EXISTS (SELECT 1 FROM subscription_cycles WHERE receipt_id = ?2)",
        [
            cycle_id.into(),
            receipt_id.into(),
            invoice_id.into(),
            (now + cycles::READ_AGAIN_AFTER).into(),
        ],
    )
}

fn entry(actor: &Actor, receipt_id: &str, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'subscription.renew', 'subscription', s.id, NULL,
                    json_object('cycle', c.number, 'invoice_id', c.invoice_id,
                                'starts_at', c.starts_at, 'ends_at', c.ends_at,
                                'state', s.state), ?4
             FROM subscription_cycles c JOIN subscriptions s ON s.id = c.subscription_id
             WHERE c.receipt_id = ?5"
        ),
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            receipt_id.into(),
        ],
    )
}

fn event(actor: &Actor, receipt_id: &str, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?3,
                json_object('subscription_id', s.id, 'license_id', s.license_id,
                            'product_id', s.product_id, 'policy_id', s.policy_id,
                            'state', s.state, 'invoice_id', i.id, 'amount_sats', i.amount_sats,
                            'listed_currency', c.price_currency, 'listed_value', c.price_amount,
                            'cycle_number', c.number,
                            'cycle_start_at',
                            strftime('%Y-%m-%dT%H:%M:%SZ', c.starts_at, 'unixepoch'),
                            'cycle_end_at',
                            strftime('%Y-%m-%dT%H:%M:%SZ', c.ends_at, 'unixepoch'))
         FROM subscription_cycles c
         JOIN subscriptions s ON s.id = c.subscription_id
         JOIN invoices i ON i.id = c.invoice_id
         WHERE c.receipt_id = ?4",
        [
            (&ids.event).into(),
            actor.at.into(),
            EventType::SubscriptionRenewed.as_str().into(),
            receipt_id.into(),
        ],
    )
}

/// Money that bought nothing: the cycle was paid by another order, or costs more now.
fn paid_twice(
    actor: &Actor,
    cycle_id: &str,
    receipt_id: &str,
    invoice_id: &str,
    ids: &SubscriptionIds,
) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, iif(c.receipt_id IS NULL, 'cycle_price_changed', 'cycle_paid_twice'),
                'invoice', ?5,
                json_object('subscription_id', c.subscription_id, 'cycle', c.number,
                            'paid_by', c.invoice_id, 'price', c.price_amount,
                            'amount', r.amount,
                            'currency', r.currency)
         FROM receipts r JOIN subscription_cycles c ON c.id = ?3
         WHERE r.id = ?4 AND c.receipt_id IS NOT r.id
         ON CONFLICT (kind, object_kind, object_id) DO NOTHING",
        [
            (&ids.attention[0]).into(),
            actor.at.into(),
            cycle_id.into(),
            receipt_id.into(),
            invoice_id.into(),
        ],
    )
}

fn paid_after_end(
    actor: &Actor,
    receipt_id: &str,
    invoice_id: &str,
    ids: &SubscriptionIds,
) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, 'paid_after_cancellation', 'invoice', ?4,
                json_object('subscription_id', s.id, 'license_id', s.license_id,
                            'cycle', c.number)
         FROM subscription_cycles c JOIN subscriptions s ON s.id = c.subscription_id
         WHERE c.receipt_id = ?3 AND s.state = 'cancelled'
         ON CONFLICT (kind, object_kind, object_id) DO NOTHING",
        [
            (&ids.attention[1]).into(),
            actor.at.into(),
            receipt_id.into(),
            invoice_id.into(),
        ],
    )
}
