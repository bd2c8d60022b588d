//! A payment of a cycle that is withdrawn, or accepted again: it takes back what it bought
//! and nothing else.

use super::starting::SubscriptionIds;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::Statement;

/// The reason of a cancellation by a withdrawn payment.
const WITHDRAWN: &str = "the payment of its cycle was withdrawn";

/// The statements that take back what the payment of this order bought, if its step was
/// taken: the license ends as much earlier, and nothing is charged any more. The order that
/// started the subscription has its license suspended besides, like any sale.
pub(crate) fn withdrawn(
    actor: &Actor,
    invoice_id: &str,
    step_id: &str,
    is_first: bool,
    ids: &SubscriptionIds,
) -> [Statement; 5] {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'subscription.payment_withdrawn', 'subscription', s.id,
                    json_object('state', s.state),
                    json_object('state', 'cancelled', 'cycle', c.number, 'invoice_id', i.id,
                                'cycle_id', c.id), ?4
             FROM invoices i
             JOIN subscription_cycles c ON c.invoice_id = i.id
             JOIN subscriptions s ON s.id = c.subscription_id
             WHERE i.id = ?5 AND i.step_id = ?6 AND c.state = 'paid'"
        ),
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            invoice_id.into(),
            step_id.into(),
        ],
    );
    let license = Statement::new(
        "UPDATE licenses AS l
         SET expires_at = l.expires_at - (c.ends_at - c.starts_at), updated_at = ?2
         FROM audit a
         JOIN subscription_cycles c ON c.id = a.after ->> '$.cycle_id'
         JOIN subscriptions s ON s.id = c.subscription_id
         WHERE a.id = ?1 AND l.id = s.license_id AND NOT ?3",
        [(&ids.audit).into(), actor.at.into(), is_first.into()],
    );
    let cycle = Statement::new(
        "UPDATE subscription_cycles SET state = 'withdrawn'
         WHERE NOT ?2 AND id = (SELECT after ->> '$.cycle_id' FROM audit WHERE id = ?1)",
        [(&ids.audit).into(), is_first.into()],
    );
    let subscription = Statement::new(
        "UPDATE subscriptions
         SET state = 'cancelled', cancelled_at = coalesce(cancelled_at, ?2),
             cancelled_by = coalesce(cancelled_by, ?3), cancel_reason = coalesce(cancel_reason, ?4),
             grace_until = NULL, next_step_at = NULL, step_id = ?1, updated_at = ?2
         WHERE id = (SELECT object_id FROM audit WHERE id = ?1)",
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            WITHDRAWN.into(),
        ],
    );
    let event = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?3,
                json_object('subscription_id', s.id, 'license_id', s.license_id,
                            'product_id', s.product_id, 'policy_id', s.policy_id,
                            'actor', ?4, 'reason', s.cancel_reason)
         FROM audit a JOIN subscriptions s ON s.id = a.object_id WHERE a.id = ?5",
        [
            (&ids.event).into(),
            actor.at.into(),
            EventType::SubscriptionCancelled.as_str().into(),
            actor.name.as_ref().into(),
            (&ids.audit).into(),
        ],
    );
    [entry, license, cycle, subscription, event]
}

/// The statements for a payment that is accepted again, if its step was taken: it buys its
/// time again, and restarts nothing.
pub(crate) fn restored(
    actor: &Actor,
    invoice_id: &str,
    step_id: &str,
    ids: &SubscriptionIds,
) -> [Statement; 3] {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'subscription.payment_restored', 'subscription',
                    c.subscription_id, NULL,
                    json_object('cycle', c.number, 'invoice_id', i.id, 'cycle_id', c.id), ?4
             FROM invoices i JOIN subscription_cycles c ON c.invoice_id = i.id
             WHERE i.id = ?5 AND i.step_id = ?6 AND c.state = 'withdrawn'
               AND c.receipt_id IS NOT NULL"
        ),
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            invoice_id.into(),
            step_id.into(),
        ],
    );
    let license = Statement::new(
        "UPDATE licenses AS l
         SET expires_at = max(l.expires_at, c.starts_at) + (c.ends_at - c.starts_at),
             updated_at = ?2
         FROM audit a
         JOIN subscription_cycles c ON c.id = a.after ->> '$.cycle_id'
         JOIN subscriptions s ON s.id = c.subscription_id
         WHERE a.id = ?1 AND l.id = s.license_id",
        [(&ids.audit).into(), actor.at.into()],
    );
    let cycle = Statement::new(
        "UPDATE subscription_cycles SET state = 'paid'
         WHERE id = (SELECT after ->> '$.cycle_id' FROM audit WHERE id = ?1)",
        [(&ids.audit).into()],
    );
    [entry, license, cycle]
}
