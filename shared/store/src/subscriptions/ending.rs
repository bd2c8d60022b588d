//! Cancelling and resuming. Cancelling withdraws every open order of the next cycle in the
//! same batch.

use super::cycles::READ_AGAIN_AFTER;
use super::lookup::Subscription;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::subscription::SubscriptionState;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};

/// Withdraws the open cycle of these subscriptions and its open order. `$these` selects their
/// ids by the id of an audit entry, `?1`.
macro_rules! withdraw_cycle {
    ($these:literal) => {
        [
            concat!(
                "UPDATE invoices
                 SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?2)
                 WHERE status = 'pending' AND cycle_id IN
                   (SELECT id FROM subscription_cycles WHERE subscription_id IN (",
                $these,
                "))"
            ),
            concat!(
                "UPDATE subscription_cycles SET state = 'withdrawn'
                 WHERE state = 'open' AND subscription_id IN (",
                $these,
                ") AND ?2 > 0"
            ),
        ]
    };
}

/// What is done to a subscription by somebody.
#[derive(Debug, Clone, Copy)]
pub struct SubscriptionEnding<'a> {
    /// As it was loaded. A later change of it must be looked at first.
    pub subscription: &'a Subscription,
    /// Why.
    pub reason: Option<&'a str>,
    /// A new id.
    pub audit_id: &'a str,
    /// A new id.
    pub event_id: &'a str,
}

/// Cancels it. Answers false if it changed meanwhile.
///
/// # Errors
/// [`DatabaseError`].
pub async fn cancel(
    database: &Database,
    actor: &Actor,
    ending: &SubscriptionEnding<'_>,
) -> Result<bool, DatabaseError> {
    let mut batch = Batch::new();
    batch.write(entry(
        actor,
        ending,
        "subscription.cancel",
        SubscriptionState::Cancelled,
    ));
    batch.extend(
        withdraw_cycle!("SELECT object_id FROM audit WHERE id = ?1").map(|sql| {
            let params = [ending.audit_id.into(), (actor.at + READ_AGAIN_AFTER).into()];
            Statement::new(sql, params)
        }),
    );
    // The grace that was announced stays.
    batch.write(Statement::new(
        "UPDATE subscriptions
         SET state = 'cancelled', cancelled_at = ?2, cancelled_by = ?3, cancel_reason = ?4,
             next_step_at = NULL, step_id = ?1, updated_at = ?2
         WHERE id = (SELECT object_id FROM audit WHERE id = ?1)",
        [
            ending.audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            ending.reason.into(),
        ],
    ));
    batch.write(event(actor, ending, EventType::SubscriptionCancelled));
    run(database, batch, ending.audit_id).await
}

/// Takes a cancellation back: into `state`, which the rules decide. The tick opens the next
/// cycle again. Answers false if it changed meanwhile.
///
/// # Errors
/// [`DatabaseError`].
pub async fn resume(
    database: &Database,
    actor: &Actor,
    ending: &SubscriptionEnding<'_>,
    state: SubscriptionState,
) -> Result<bool, DatabaseError> {
    let mut batch = Batch::new();
    batch.write(entry(actor, ending, "subscription.resume", state));
    batch.write(Statement::new(
        "UPDATE subscriptions
         SET state = ?3, cancelled_at = NULL, cancelled_by = NULL, cancel_reason = NULL,
             next_step_at = ?2, step_id = ?1, updated_at = ?2
         WHERE id = (SELECT object_id FROM audit WHERE id = ?1)",
        [
            ending.audit_id.into(),
            actor.at.into(),
            state.as_str().into(),
        ],
    ));
    batch.write(event(actor, ending, EventType::SubscriptionResumed));
    run(database, batch, ending.audit_id).await
}

/// The statements for the license of this id whose state was changed with this audit entry:
/// revoked, its subscription ends; suspended, nothing can be paid; in force again, the tick
/// looks at it.
pub(crate) fn license_changed(actor: &Actor, audit_id: &str, event_id: &str) -> Vec<Statement> {
    let params = || [audit_id.into(), (actor.at + READ_AGAIN_AFTER).into()];
    let mut statements: Vec<Statement> = withdraw_cycle!(
        "SELECT s.id FROM subscriptions s JOIN audit a ON a.object_id = s.license_id
         WHERE a.id = ?1 AND a.action IN ('license.revoke', 'license.suspend')"
    )
    .into_iter()
    .map(|sql| Statement::new(sql, params()))
    .collect();
    statements.push(Statement::new(
        "UPDATE subscriptions AS s
         SET state = iif(a.action = 'license.revoke', 'cancelled', s.state),
             cancelled_at = iif(a.action = 'license.revoke', coalesce(s.cancelled_at, ?2),
                                s.cancelled_at),
             cancelled_by = iif(a.action = 'license.revoke', coalesce(s.cancelled_by, ?3),
                                s.cancelled_by),
             cancel_reason = iif(a.action = 'license.revoke',
                                 coalesce(s.cancel_reason, 'the license was revoked'),
                                 s.cancel_reason),
             next_step_at = iif(a.action = 'license.unsuspend'
                                AND s.state IN ('trialing', 'active', 'past_due'), ?2, NULL),
             step_id = ?1, updated_at = ?2
         FROM audit a WHERE a.id = ?1 AND s.license_id = a.object_id",
        [audit_id.into(), actor.at.into(), actor.name.as_ref().into()],
    ));
    statements.push(Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?3,
                json_object('subscription_id', s.id, 'license_id', s.license_id,
                            'product_id', s.product_id, 'policy_id', s.policy_id,
                            'actor', ?4, 'reason', s.cancel_reason)
         FROM audit a JOIN subscriptions s ON s.license_id = a.object_id
         WHERE a.id = ?5 AND a.action = 'license.revoke' AND s.cancelled_at = ?2",
        [
            event_id.into(),
            actor.at.into(),
            EventType::SubscriptionCancelled.as_str().into(),
            actor.name.as_ref().into(),
            audit_id.into(),
        ],
    ));
    statements
}

/// The entry says whether the rest may happen: it is written if the subscription is as it
/// was loaded.
fn entry(
    actor: &Actor,
    ending: &SubscriptionEnding<'_>,
    action: &'static str,
    state: SubscriptionState,
) -> Statement {
    let after = serde_json::json!({ "state": state, "reason": ending.reason });
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, 'subscription', id, json_object('state', state), ?5, ?6
             FROM subscriptions WHERE id = ?7 AND step_id = ?8"
        ),
        [
            ending.audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            action.into(),
            after.to_string().into(),
            (&actor.request_id).into(),
            (&ending.subscription.id).into(),
            (&ending.subscription.step_id).into(),
        ],
    )
}

fn event(actor: &Actor, ending: &SubscriptionEnding<'_>, event_type: EventType) -> Statement {
    Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?3,
                json_object('subscription_id', s.id, 'license_id', s.license_id,
                            'product_id', s.product_id, 'policy_id', s.policy_id,
                            'actor', ?4, 'reason', ?5)
         FROM audit a JOIN subscriptions s ON s.id = a.object_id WHERE a.id = ?6",
        [
            ending.event_id.into(),
            actor.at.into(),
            event_type.as_str().into(),
            actor.name.as_ref().into(),
            ending.reason.unwrap_or_default().into(),
            ending.audit_id.into(),
        ],
    )
}

async fn run(database: &Database, mut batch: Batch, audit_id: &str) -> Result<bool, DatabaseError> {
    let done = batch.read::<Row>(crate::operator::audit::select_id(audit_id));
    batch.run(database).await?.any(done)
}
