//! The payment of a change that is taken back: license and subscription become what they
//! were, and nothing is charged any more.

use crate::operator::audit::{Actor, insert_into_audit};
use crate::subscriptions::cycles::READ_AGAIN_AFTER;
use crate::subscriptions::starting::SubscriptionIds;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::Statement;

const WITHDRAWN: &str = "the payment of its upgrade was withdrawn";

/// The change `t` of the entry `?1`.
macro_rules! undone {
    () => {
        "audit a JOIN tier_changes t ON t.id = a.after ->> '$.tier_change_id' WHERE a.id = ?1"
    };
}

/// The statements that take back what the payment of this order changed, if its step was
/// taken and nothing was paid or changed since. Otherwise the operator is told.
pub(crate) fn withdrawn(
    actor: &Actor,
    invoice_id: &str,
    step_id: &str,
    ids: &SubscriptionIds,
) -> Vec<Statement> {
    let id = || (&ids.audit).into();
    let with_time = |sql| Statement::new(sql, [id(), actor.at.into()]);
    let subscription = Statement::new(
        concat!(
            "UPDATE subscriptions AS s
             SET policy_id = n.from_policy_id, terms = coalesce(n.terms, s.terms),
                 paid_cycles = n.paid_cycles, booked_change_id = NULL, state = 'cancelled',
                 cancelled_at = coalesce(s.cancelled_at, ?2),
                 cancelled_by = coalesce(s.cancelled_by, ?3),
                 cancel_reason = coalesce(s.cancel_reason, ?4), grace_until = NULL,
                 next_step_at = NULL, step_id = ?1, updated_at = ?2
             FROM (SELECT t.license_id, t.from_policy_id, t.before -> '$.terms' AS terms,
                          t.before ->> '$.paid_cycles' AS paid_cycles
                   FROM ",
            undone!(),
            ") AS n WHERE s.license_id = n.license_id"
        ),
        [
            id(),
            actor.at.into(),
            actor.name.as_ref().into(),
            WITHDRAWN.into(),
        ],
    );
    vec![
        entry(actor, invoice_id, step_id, ids),
        with_time(concat!(
            "UPDATE licenses AS l
             SET policy_id = n.from_policy_id, entitlements = n.before -> '$.entitlements',
                 max_machines = n.before ->> '$.max_machines',
                 grace_seconds = n.before ->> '$.grace_seconds',
                 is_trial = n.before ->> '$.is_trial',
                 maintenance_until = n.before ->> '$.maintenance_until',
                 expires_at = iif(n.kind = 'running_period', l.expires_at,
                                  n.before ->> '$.expires_at'), updated_at = ?2
             FROM (SELECT t.license_id, t.from_policy_id, t.kind, t.before FROM ",
            undone!(),
            ") AS n WHERE l.id = n.license_id"
        )),
        subscription,
        Statement::new(
            "UPDATE subscription_cycles AS c SET worth_amount = n.amount
             FROM (SELECT t.subscription_id, w.value ->> '$.number' AS number,
                          w.value ->> '$.amount' AS amount
                   FROM audit a JOIN tier_changes t ON t.id = a.after ->> '$.tier_change_id'
                   JOIN json_each(t.before, '$.worths') AS w WHERE a.id = ?1) AS n
             WHERE c.subscription_id = n.subscription_id AND c.number = n.number",
            [id()],
        ),
        Statement::new(
            concat!(
                "UPDATE invoices
                 SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?2)
                 WHERE status = 'pending' AND cycle_id IN
                   (SELECT id FROM subscription_cycles WHERE subscription_id =
                      (SELECT t.subscription_id FROM ",
                undone!(),
                "))"
            ),
            [id(), (actor.at + READ_AGAIN_AFTER).into()],
        ),
        Statement::new(
            concat!(
                "UPDATE subscription_cycles SET state = 'withdrawn'
                 WHERE subscription_id = (SELECT t.subscription_id FROM ",
                undone!(),
                ") AND (state = 'open' OR invoice_id = ?2)"
            ),
            [id(), invoice_id.into()],
        ),
        Statement::new(
            "UPDATE tier_changes SET state = 'withdrawn'
             WHERE id = (SELECT after ->> '$.tier_change_id' FROM audit WHERE id = ?1)",
            [id()],
        ),
        event(actor, ids),
        not_undone(actor, invoice_id, step_id, ids),
    ]
}

/// The entry says whether the rest may happen.
fn entry(actor: &Actor, invoice_id: &str, step_id: &str, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'license.change_tier_withdrawn', 'license', l.id,
                    json_object('policy_id', l.policy_id),
                    json_object('tier_change_id', t.id, 'policy_id', t.from_policy_id,
                                'invoice_id', i.id), ?4
             FROM invoices i
             JOIN tier_changes t ON t.id = i.tier_change_id
             JOIN licenses l ON l.id = t.license_id
             LEFT JOIN subscriptions s ON s.license_id = l.id
             WHERE i.id = ?5 AND i.step_id = ?6 AND t.state = 'done'
               AND l.policy_id IS t.to_policy_id
               AND (s.id IS NULL OR s.paid_cycles = t.quoted_paid_cycles + (t.kind = 'new_period'))"
        ),
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            invoice_id.into(),
            step_id.into(),
        ],
    )
}

fn event(actor: &Actor, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        concat!(
            "INSERT INTO events (id, at, event_type, data)
             SELECT ?2, ?3, ?4,
                    json_object('license_id', l.id, 'product_id', l.product_id,
                                'subscription_id', n.subscription_id, 'tier_change_id', n.id,
                                'from_policy_id', n.to_policy_id,
                                'to_policy_id', n.from_policy_id, 'invoice_id', n.invoice_id,
                                'listed_currency', n.price_currency, 'listed_value', 0,
                                'entitlements', json(l.entitlements),
                                'max_machines', l.max_machines,
                                'expires_at', strftime('%Y-%m-%dT%H:%M:%SZ', l.expires_at,
                                                       'unixepoch'),
                                'actor', ?5, 'reason', ?6)
             FROM (SELECT t.*, a.after ->> '$.invoice_id' AS invoice_id FROM ",
            undone!(),
            ") AS n JOIN licenses l ON l.id = n.license_id"
        ),
        [
            (&ids.audit).into(),
            (&ids.event).into(),
            actor.at.into(),
            EventType::LicenseTierChanged.as_str().into(),
            actor.name.as_ref().into(),
            WITHDRAWN.into(),
        ],
    )
}

fn not_undone(actor: &Actor, invoice_id: &str, step_id: &str, ids: &SubscriptionIds) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, 'upgrade_not_taken_back', 'invoice', i.id,
                json_object('license_id', t.license_id, 'to_policy_id', t.to_policy_id)
         FROM invoices i JOIN tier_changes t ON t.id = i.tier_change_id
         WHERE i.id = ?3 AND i.step_id = ?4 AND t.state = 'done'
         ON CONFLICT (kind, object_kind, object_id) DO NOTHING",
        [
            (&ids.attention[0]).into(),
            actor.at.into(),
            invoice_id.into(),
            step_id.into(),
        ],
    )
}
