//! Carries changes out. Each hangs on its audit entry, which names the change: what has no
//! entry in this batch changes nothing.

use crate::operator::audit::{Actor, insert_into_audit};
use crate::subscriptions::cycles::READ_AGAIN_AFTER;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::Serialize;

/// Why a subscription ends with an upgrade.
const SOLD_ONCE: &str = "the license was upgraded to a policy that is sold once";

/// New ids for a change that is carried out.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedIds {
    /// Of the audit entry.
    pub audit_id: String,
    /// Of the event.
    pub event_id: String,
    /// The change.
    pub change_id: String,
}

/// License and subscription of an entry as they are, to be restored if the payment is taken
/// back: from `l` and `s`.
macro_rules! before {
    () => {
        "json_object('policy_id', l.policy_id, 'entitlements', json(l.entitlements),
                     'max_machines', coalesce((SELECT b.before ->> '$.max_machines'
                                               FROM tier_changes b
                                               WHERE b.id = s.booked_change_id), l.max_machines),
                     'grace_seconds', l.grace_seconds, 'expires_at', l.expires_at,
                     'maintenance_until', l.maintenance_until, 'is_trial', l.is_trial,
                     'state', s.state, 'terms', json(s.terms), 'paid_cycles', s.paid_cycles,
                     'worths', (SELECT json_group_array(json_object('number', c.number,
                                                                    'amount', c.worth_amount))
                                FROM subscription_cycles c
                                WHERE c.subscription_id = s.id AND c.state = 'paid'
                                  AND c.number > s.paid_cycles - 4))"
    };
}
pub(crate) use before;

/// The changes `t` of the entries `a` of the list `?1`.
macro_rules! applied {
    () => {
        "audit a JOIN tier_changes t ON t.id = a.after ->> '$.tier_change_id'
         WHERE a.id IN (SELECT value ->> '$.audit_id' FROM json_each(?1))"
    };
}

/// The subscriptions of those changes that replace what was priced before.
macro_rules! replaced {
    ($column:literal) => {
        concat!(
            "(SELECT t.",
            $column,
            " FROM ",
            applied!(),
            " AND t.kind <> 'next_period')"
        )
    };
}

/// The statements that carry out these changes, as far as their entries were written.
pub(crate) fn applying(actor: &Actor, list: &str) -> Vec<Statement> {
    let mut statements = changed(actor, list).to_vec();
    statements.extend(cycles(actor, list));
    statements.extend(replaced_prices(actor, list));
    statements.push(event(actor, list));
    statements
}

/// The change is done; its license and subscription are what it makes of them.
fn changed(actor: &Actor, list: &str) -> [Statement; 3] {
    let with_time = |sql| Statement::new(sql, [list.into(), actor.at.into()]);
    [
        with_time(concat!(
            "UPDATE tier_changes AS t SET state = 'done', done_at = ?2,
                    before = coalesce(n.before, t.before)
             FROM (SELECT t.id, a.before FROM ",
            applied!(),
            ") AS n WHERE t.id = n.id"
        )),
        with_time(concat!(
            "UPDATE licenses AS l
             SET policy_id = n.to_policy_id, entitlements = n.effect -> '$.entitlements',
                 max_machines = n.effect ->> '$.max_machines',
                 grace_seconds = n.effect ->> '$.grace_seconds',
                 is_trial = n.effect ->> '$.is_trial',
                 maintenance_until = n.effect ->> '$.maintenance_until',
                 expires_at = CASE WHEN n.kind = 'next_period' THEN l.expires_at
                                   WHEN n.effect ->> '$.extends_seconds' IS NOT NULL
                                   THEN n.paid_at + (n.effect ->> '$.extends_seconds')
                                   ELSE n.effect ->> '$.expires_at' END,
                 updated_at = ?2
             FROM (SELECT t.license_id, t.to_policy_id, t.kind, t.effect,
                          a.after ->> '$.paid_at' AS paid_at
                   FROM ",
            applied!(),
            ") AS n WHERE l.id = n.license_id"
        )),
        Statement::new(
            concat!(
                "UPDATE subscriptions AS s
             SET policy_id = n.to_policy_id, terms = coalesce(n.terms, s.terms),
                 booked_change_id = iif(n.kind = 'next_period', s.booked_change_id, NULL),
                 state = iif(n.terms IS NULL, 'cancelled', iif(n.restarts, 'active', s.state)),
                 cancelled_at = iif(n.terms IS NULL, coalesce(s.cancelled_at, ?2),
                                    iif(n.restarts, NULL, s.cancelled_at)),
                 cancelled_by = iif(n.terms IS NULL, coalesce(s.cancelled_by, ?3),
                                    iif(n.restarts, NULL, s.cancelled_by)),
                 cancel_reason = iif(n.terms IS NULL, coalesce(s.cancel_reason, ?4),
                                     iif(n.restarts, NULL, s.cancel_reason)),
                 paid_cycles = s.paid_cycles + (n.kind = 'new_period'),
                 grace_until = iif(n.kind = 'new_period', NULL, s.grace_until),
                 lapsed_at = iif(n.restarts, NULL, s.lapsed_at),
                 next_step_at = iif(n.terms IS NULL, NULL,
                                    iif(n.restarts OR s.state IN ('trialing', 'active', 'past_due'),
                                        ?2, s.next_step_at)),
                 step_id = n.audit_id, updated_at = ?2
             FROM (SELECT t.license_id, t.to_policy_id, t.kind, a.id AS audit_id,
                          iif(json_type(t.effect, '$.terms') = 'object', t.effect -> '$.terms',
                              NULL) AS terms,
                          t.kind = 'new_period'
                            AND (a.before ->> '$.state' <> 'cancelled'
                                 OR a.before ->> '$.expires_at' <= a.after ->> '$.paid_at')
                            AS restarts
                   FROM ",
                applied!(),
                ") AS n WHERE s.license_id = n.license_id"
            ),
            [
                list.into(),
                actor.at.into(),
                actor.name.as_ref().into(),
                SOLD_ONCE.into(),
            ],
        ),
    ]
}

/// What the running periods are worth, and the one that begins with the payment.
fn cycles(actor: &Actor, list: &str) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE subscription_cycles AS c SET worth_amount = n.amount
                 FROM (SELECT t.subscription_id, w.value ->> '$.number' AS number,
                              w.value ->> '$.amount' AS amount
                       FROM audit a JOIN tier_changes t ON t.id = a.after ->> '$.tier_change_id'
                       JOIN json_each(t.effect, '$.worths') AS w
                       WHERE a.id IN (SELECT value ->> '$.audit_id' FROM json_each(?1))) AS n
                 WHERE c.subscription_id = n.subscription_id AND c.number = n.number",
            [list.into()],
        ),
        // The period that begins with the payment.
        Statement::new(
            "INSERT INTO subscription_cycles (id, subscription_id, number, state, price_currency,
                                              price_amount, base_price_amount, due_at, opened_at,
                                              starts_at, ends_at, paid_at, invoice_id, receipt_id)
             SELECT t.id, s.id, s.paid_cycles, 'paid', t.effect ->> '$.period.price_currency',
                    t.effect ->> '$.period.price_amount', t.effect ->> '$.period.base',
                    a.after ->> '$.paid_at', ?2, a.after ->> '$.paid_at', l.expires_at,
                    a.after ->> '$.paid_at', a.after ->> '$.invoice_id', a.after ->> '$.receipt_id'
             FROM audit a JOIN tier_changes t ON t.id = a.after ->> '$.tier_change_id'
             JOIN subscriptions s ON s.license_id = t.license_id
             JOIN licenses l ON l.id = t.license_id
             WHERE a.id IN (SELECT value ->> '$.audit_id' FROM json_each(?1))
               AND t.kind = 'new_period'
             ON CONFLICT (subscription_id, number)
             DO UPDATE SET state = 'paid', price_currency = excluded.price_currency,
                           price_amount = excluded.price_amount,
                           base_price_amount = excluded.base_price_amount,
                           starts_at = excluded.starts_at, ends_at = excluded.ends_at,
                           paid_at = excluded.paid_at, invoice_id = excluded.invoice_id,
                           receipt_id = excluded.receipt_id, worth_amount = NULL
             WHERE state <> 'paid'",
            [list.into(), actor.at.into()],
        ),
    ]
}

/// What was offered at the price of before is withdrawn, or gets the new one.
fn replaced_prices(actor: &Actor, list: &str) -> [Statement; 3] {
    [
        // The orders at the price of before.
        Statement::new(
            concat!(
                "UPDATE invoices
                 SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?3)
                 WHERE status = 'pending' AND ?2 > 0
                   AND (cycle_id IN (SELECT id FROM subscription_cycles
                                     WHERE subscription_id IN ",
                replaced!("subscription_id"),
                ") OR tier_change_id IN (SELECT id FROM tier_changes WHERE license_id IN ",
                replaced!("license_id"),
                "))"
            ),
            [
                list.into(),
                actor.at.into(),
                (actor.at + READ_AGAIN_AFTER).into(),
            ],
        ),
        Statement::new(
            concat!(
                "UPDATE tier_changes SET state = 'withdrawn'
                 WHERE state IN ('open', 'booked', 'paid') AND license_id IN ",
                replaced!("license_id")
            ),
            [list.into()],
        ),
        // The period that is open is offered at the new price, or not at all.
        Statement::new(
            concat!(
                "UPDATE subscription_cycles AS c
                 SET state = iif(n.price_amount IS NULL, 'withdrawn', 'open'),
                     price_currency = coalesce(n.price_currency, c.price_currency),
                     price_amount = coalesce(n.price_amount, c.price_amount),
                     base_price_amount = coalesce(n.base, c.base_price_amount)
                 FROM (SELECT t.subscription_id, t.effect ->> '$.next.price_currency'
                                AS price_currency,
                              t.effect ->> '$.next.price_amount' AS price_amount,
                              t.effect ->> '$.next.base' AS base
                       FROM ",
                applied!(),
                " AND t.kind <> 'next_period') AS n
                 WHERE c.subscription_id = n.subscription_id AND c.state = 'open'"
            ),
            [list.into()],
        ),
    ]
}

/// The list that [`applying`] reads.
pub(crate) fn list_of(ids: &[AppliedIds]) -> String {
    serde_json::to_string(ids).unwrap_or_else(|_| "[]".to_owned())
}

/// The entries of changes whose period is paid and has begun by `paid_at`.
pub(crate) fn due_entries(actor: &Actor, list: &str) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT e.value ->> '$.audit_id', ?2, ?3, 'license.change_tier', 'license', l.id, ",
            before!(),
            ", json_object('tier_change_id', t.id, 'policy_id', t.to_policy_id, 'paid_at', ?2), ?4
             FROM json_each(?1) AS e
             JOIN tier_changes t ON t.id = e.value ->> '$.change_id'
             JOIN licenses l ON l.id = t.license_id
             JOIN subscriptions s ON s.license_id = l.id
             WHERE t.state = 'paid' AND t.effective_at <= ?2"
        ),
        [
            list.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
        ],
    )
}

/// Statements that [`apply_due`] takes.
pub const STATEMENTS: usize = 10;

/// Carries out changes whose period has begun.
///
/// # Errors
/// [`DatabaseError`]; the next tick does it.
pub async fn apply_due(
    database: &Database,
    actor: &Actor,
    ids: &[AppliedIds],
) -> Result<(), DatabaseError> {
    let list = list_of(ids);
    let mut batch = vec![due_entries(actor, &list)];
    batch.extend(applying(actor, &list));
    database.batch(batch).await.map(drop)
}

/// Carries out a change that nobody pays for, if its license is as it was loaded. Answers
/// whether it was.
///
/// # Errors
/// [`DatabaseError`].
pub async fn apply_free(
    database: &Database,
    actor: &Actor,
    change: &super::change::NewTierChange,
    reason: Option<&str>,
    ids: &AppliedIds,
) -> Result<bool, DatabaseError> {
    let list = list_of(std::slice::from_ref(ids));
    let mut batch = Batch::new();
    batch.write(change.insert_open(actor.at));
    batch.write(Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'license.change_tier', 'license', l.id, ",
            before!(),
            ", json_object('tier_change_id', t.id, 'policy_id', t.to_policy_id, 'paid_at', ?2,
                           'reason', ?6), ?4
             FROM tier_changes t JOIN licenses l ON l.id = t.license_id
             LEFT JOIN subscriptions s ON s.license_id = l.id
             WHERE t.id = ?5 AND t.state = 'open'"
        ),
        [
            (&ids.audit_id).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            (&change.id).into(),
            reason.into(),
        ],
    ));
    batch.extend(applying(actor, &list));
    let done = batch.read::<Row>(crate::operator::audit::select_id(&ids.audit_id));
    batch.run(database).await?.any(done)
}

/// What is told of a change: the license as it now is.
fn event(actor: &Actor, list: &str) -> Statement {
    Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT e.event_id, ?2, ?3,
                json_object('license_id', l.id, 'product_id', l.product_id,
                            'subscription_id', t.subscription_id, 'tier_change_id', t.id,
                            'from_policy_id', t.from_policy_id, 'to_policy_id', t.to_policy_id,
                            'invoice_id', a.after ->> '$.invoice_id',
                            'listed_currency', t.price_currency, 'listed_value', t.price_amount,
                            'entitlements', json(l.entitlements), 'max_machines', l.max_machines,
                            'expires_at', strftime('%Y-%m-%dT%H:%M:%SZ', l.expires_at, 'unixepoch'),
                            'actor', ?4, 'reason', coalesce(a.after ->> '$.reason', ''))
         FROM (SELECT value ->> '$.event_id' AS event_id, value ->> '$.audit_id' AS audit_id
               FROM json_each(?1)) AS e
         JOIN audit a ON a.id = e.audit_id
         JOIN tier_changes t ON t.id = a.after ->> '$.tier_change_id'
         JOIN licenses l ON l.id = t.license_id",
        [
            list.into(),
            actor.at.into(),
            EventType::LicenseTierChanged.as_str().into(),
            actor.name.as_ref().into(),
        ],
    )
}
