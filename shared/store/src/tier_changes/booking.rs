//! The one change of a subscription that takes effect with its next period.

use super::change::{NewTierChange, RecordedCharge};
use crate::operator::audit::{Actor, insert_into_audit, select_id};
use crate::subscriptions::cycles::READ_AGAIN_AFTER;
use crate::subscriptions::lookup::Subscription;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde_json::json;

/// What is booked, or that nothing is any more.
#[derive(Debug, Clone, Copy)]
pub struct Booking<'a> {
    /// As it was loaded. A later change of it must be looked at first.
    pub subscription: &'a Subscription,
    /// The change; `None` takes the booked one back.
    pub change: Option<&'a NewTierChange>,
    /// What the next period costs then.
    pub next: RecordedCharge,
    /// A new id.
    pub audit_id: &'a str,
}

/// Books a change in place of the one that was booked, or takes that back. The period that is
/// open gets its price, and the order that is open for it is withdrawn. From now on no more
/// machines get in than the target has seats. Answers false if the subscription changed
/// meanwhile, or has more machines than that.
///
/// # Errors
/// [`DatabaseError`].
pub async fn book(
    database: &Database,
    actor: &Actor,
    booking: &Booking<'_>,
) -> Result<bool, DatabaseError> {
    let mut batch = Batch::new();
    batch.write(entry(actor, booking));
    batch.extend(unbook(booking.audit_id, actor.at));
    if let Some(change) = booking.change {
        batch.extend(booked(actor, booking, change));
    }
    batch.write(Statement::new(
        "UPDATE subscriptions SET booked_change_id = ?2, step_id = ?1, updated_at = ?3
         WHERE id = (SELECT object_id FROM audit WHERE id = ?1)",
        [
            booking.audit_id.into(),
            booking.change.map(|change| change.id.as_str()).into(),
            actor.at.into(),
        ],
    ));
    batch.write(Statement::new(
        "UPDATE subscription_cycles
         SET price_currency = ?2, price_amount = ?3, base_price_amount = ?4
         WHERE state = 'open'
           AND subscription_id = (SELECT object_id FROM audit WHERE id = ?1)",
        [
            booking.audit_id.into(),
            booking.next.price.currency().as_str().into(),
            booking.next.price.amount().into(),
            booking.next.base.into(),
        ],
    ));
    batch.write(Statement::new(
        "UPDATE invoices
         SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?2)
         WHERE status = 'pending' AND cycle_id IN
           (SELECT id FROM subscription_cycles
            WHERE subscription_id = (SELECT object_id FROM audit WHERE id = ?1))",
        [
            booking.audit_id.into(),
            (actor.at + READ_AGAIN_AFTER).into(),
        ],
    ));
    let done = batch.read::<Row>(select_id(booking.audit_id));
    batch.run(database).await?.any(done)
}

fn entry(actor: &Actor, booking: &Booking<'_>) -> Statement {
    let after = json!({
        "tier_change_id": booking.change.map(|change| &change.id),
        "to_policy_id": booking.change.map(|change| &change.to_policy_id),
    });
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'subscription.book_change', 'subscription', s.id,
                    json_object('tier_change_id', s.booked_change_id), ?4, ?5
             FROM subscriptions s
             WHERE s.id = ?6 AND s.step_id = ?7
               AND (?8 = 0 OR (SELECT count(*) FROM machines m
                               WHERE m.license_id = s.license_id
                                 AND m.deactivated_at IS NULL) <= ?8)"
        ),
        [
            booking.audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            after.to_string().into(),
            (&actor.request_id).into(),
            (&booking.subscription.id).into(),
            (&booking.subscription.step_id).into(),
            booking
                .change
                .map_or(0, |change| change.effect.max_machines)
                .into(),
        ],
    )
}

/// Takes back what is booked at the subscription of this entry, or what was: the license has
/// its seats again.
pub(crate) fn unbook(audit_id: &str, now: i64) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE licenses AS l
             SET max_machines = coalesce(b.before ->> '$.max_machines', l.max_machines),
                 updated_at = ?2
             FROM audit a
             JOIN subscriptions s ON s.id = a.object_id
             JOIN tier_changes b ON b.id = s.booked_change_id AND b.state = 'booked'
             WHERE a.id = ?1 AND l.id = s.license_id",
            [audit_id.into(), now.into()],
        ),
        Statement::new(
            "UPDATE tier_changes SET state = 'withdrawn'
             WHERE state = 'booked' AND id =
               (SELECT s.booked_change_id FROM audit a JOIN subscriptions s ON s.id = a.object_id
                WHERE a.id = ?1)",
            [audit_id.into()],
        ),
    ]
}

fn booked(actor: &Actor, booking: &Booking<'_>, change: &NewTierChange) -> [Statement; 2] {
    let mut params = change.params(actor.at).to_vec();
    params.push(booking.audit_id.into());
    [
        Statement::new(
            "INSERT INTO tier_changes (id, license_id, subscription_id, from_policy_id,
                                       to_policy_id, kind, state, price_currency, price_amount,
                                       quoted_expires_at, quoted_paid_cycles, effect, before,
                                       created_at)
             SELECT ?1, l.id, ?3, ?4, ?5, ?6, 'booked', ?7, ?8, ?9, ?10, ?11,
                    json_object('max_machines', l.max_machines), ?12
             FROM licenses l
             WHERE l.id = ?2 AND EXISTS (SELECT 1 FROM audit WHERE id = ?13)",
            params,
        ),
        Statement::new(
            "UPDATE licenses SET max_machines = ?2, updated_at = ?4
             WHERE id = ?1 AND ?2 > 0 AND (max_machines = 0 OR max_machines > ?2)
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?3)",
            [
                (&change.license_id).into(),
                change.effect.max_machines.into(),
                booking.audit_id.into(),
                actor.at.into(),
            ],
        ),
    ]
}
