//! What the tick does about subscriptions: opens cycles, begins grace, ends what was not paid.
//! One round trip writes all of it; a row that changed since it was read is left for the next
//! tick.

use super::cycles::READ_AGAIN_AFTER;
use super::due::Clock;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::subscription::SubscriptionState;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Serialize;

/// Statements of a tick in which nothing is due.
pub const IDLE_STATEMENTS: usize = 3;
/// Statements of a tick that makes changes, at most.
pub const STATEMENTS: usize = IDLE_STATEMENTS + 9;

/// What a tick does to one subscription.
#[derive(Debug, Clone, Serialize)]
pub struct DueChange {
    /// The subscription.
    pub id: String,
    /// Its last change as it was read.
    pub step_id: String,
    /// A new id: of the step, of the audit entry, and of the event.
    pub new_step_id: String,
    /// The state from now on.
    pub state: SubscriptionState,
    /// The event; `None` if nothing is told.
    pub event_type: Option<&'static str>,
    /// The end of the grace from now on.
    pub grace_until: Option<i64>,
    /// When to look again.
    pub next_step_at: Option<i64>,
    /// The cycle to open.
    pub cycle: Option<DueCycle>,
}

/// A cycle to open.
#[derive(Debug, Clone, Serialize)]
pub struct DueCycle {
    /// A new id.
    pub id: String,
    /// Its number.
    pub number: i64,
    /// The currency of its price.
    pub currency: &'static str,
    /// To pay.
    pub price: i64,
    /// Before the discount.
    pub base: i64,
    /// When it is due.
    pub due_at: i64,
}

/// Statements of a [`change`] that only puts one off, and of a [`put_off`].
pub const PUT_OFF_STATEMENTS: usize = 3 + 1;

/// A subscription that cannot be looked after.
#[derive(Debug, Clone, Serialize)]
pub struct UnreadableSubscription {
    /// Its id.
    pub id: String,
    /// A new id of the attention item.
    pub attention_id: String,
    /// Why.
    pub reason: String,
}

/// Makes these changes, each only if nothing else changed its subscription since it was read,
/// and moves the clock of renewals.
/// `pay_page` is the address of the pages for buyers, up to the token.
///
/// # Errors
/// [`DatabaseError`]; the next tick does it.
pub async fn change(
    database: &Database,
    actor: &Actor,
    changes: &[DueChange],
    unreadable: &[UnreadableSubscription],
    pay_page: Option<&str>,
    clock: Clock,
) -> Result<(), DatabaseError> {
    let mut batch = Batch::new();
    if !changes.is_empty() {
        let changes = text(changes)?;
        batch.extend(steps(actor, &changes));
        batch.extend(told(actor, &changes, pay_page));
    }
    if !unreadable.is_empty() {
        batch.extend(failed(actor, &text(unreadable)?));
    }
    if batch.statement_count() > 0 || clock == Clock::Stale {
        batch.write(Statement::new(
            "INSERT INTO renewal_clock (id, ticked_at, running_since) VALUES (1, ?1, ?1)
             ON CONFLICT (id) DO UPDATE SET ticked_at = max(ticked_at, excluded.ticked_at)",
            [actor.at.into()],
        ));
        batch.run(database).await?;
    }
    Ok(())
}

fn text<T: Serialize>(list: &[T]) -> Result<String, DatabaseError> {
    serde_json::to_string(list).map_err(|error| DatabaseError::Row(error.to_string()))
}

/// The changes `j` of the list `?1`.
macro_rules! each_change {
    () => {
        "json_each(?1) AS j"
    };
}

fn steps(actor: &Actor, changes: &str) -> [Statement; 5] {
    let subscriptions = Statement::new(
        concat!(
            "UPDATE subscriptions AS s
             SET state = j.value ->> '$.state', grace_until = j.value ->> '$.grace_until',
                 lapsed_at = iif(j.value ->> '$.state' = 'lapsed', ?2, s.lapsed_at),
                 next_step_at = j.value ->> '$.next_step_at',
                 step_id = j.value ->> '$.new_step_id', updated_at = ?2
             FROM ",
            each_change!(),
            " WHERE s.id = j.value ->> '$.id' AND s.step_id = j.value ->> '$.step_id'"
        ),
        [changes.into(), actor.at.into()],
    );
    let cycles = Statement::new(
        concat!(
            "INSERT INTO subscription_cycles (id, subscription_id, number, state, price_currency,
                                              price_amount, base_price_amount, due_at, opened_at)
             SELECT j.value ->> '$.cycle.id', s.id, j.value ->> '$.cycle.number', 'open',
                    j.value ->> '$.cycle.currency', j.value ->> '$.cycle.price',
                    j.value ->> '$.cycle.base', j.value ->> '$.cycle.due_at', ?2
             FROM ",
            each_change!(),
            " JOIN subscriptions s
                ON s.id = j.value ->> '$.id' AND s.step_id = j.value ->> '$.new_step_id'
              WHERE j.value ->> '$.cycle.id' IS NOT NULL
              ON CONFLICT (subscription_id, number)
              DO UPDATE SET state = 'open', price_currency = excluded.price_currency,
                            price_amount = excluded.price_amount,
                            base_price_amount = excluded.base_price_amount,
                            due_at = excluded.due_at, opened_at = excluded.opened_at
              WHERE state = 'withdrawn'"
        ),
        [changes.into(), actor.at.into()],
    );
    // Until when it validates in its grace.
    let licenses = Statement::new(
        concat!(
            "UPDATE licenses AS l
             SET grace_seconds = max(j.value ->> '$.grace_until' - l.expires_at, 0),
                 updated_at = ?2
             FROM ",
            each_change!(),
            " JOIN subscriptions s
                ON s.id = j.value ->> '$.id' AND s.step_id = j.value ->> '$.new_step_id'
              WHERE l.id = s.license_id AND j.value ->> '$.state' = 'past_due'"
        ),
        [changes.into(), actor.at.into()],
    );
    let [orders, withdrawn] = withdraw_lapsed(actor, changes);
    [subscriptions, cycles, licenses, orders, withdrawn]
}

/// What was offered ends with the lapse: whoever comes back pays what it costs then. An order
/// that is paid all the same still counts.
fn withdraw_lapsed(actor: &Actor, changes: &str) -> [Statement; 2] {
    let params = || [changes.into(), (actor.at + READ_AGAIN_AFTER).into()];
    [
        Statement::new(
            "UPDATE invoices
             SET status = 'expired', next_check_at = iif(next_check_at IS NULL, NULL, ?2)
             WHERE status = 'pending' AND cycle_id IN
               (SELECT c.id FROM json_each(?1) AS j
                JOIN subscriptions s
                  ON s.id = j.value ->> '$.id' AND s.step_id = j.value ->> '$.new_step_id'
                JOIN subscription_cycles c ON c.subscription_id = s.id AND c.state = 'open'
                WHERE s.state = 'lapsed')",
            params(),
        ),
        Statement::new(
            "UPDATE subscription_cycles SET state = 'withdrawn'
             WHERE state = 'open' AND ?2 > 0 AND subscription_id IN
               (SELECT s.id FROM json_each(?1) AS j
                JOIN subscriptions s
                  ON s.id = j.value ->> '$.id' AND s.step_id = j.value ->> '$.new_step_id'
                WHERE s.state = 'lapsed')",
            params(),
        ),
    ]
}

fn told(actor: &Actor, changes: &str, pay_page: Option<&str>) -> [Statement; 2] {
    let entries = Statement::new(
        insert_into_audit!(
            "SELECT s.step_id, ?2, ?3, 'subscription.tick', 'subscription', s.id, NULL,
                    json_patch('{}', json_object('state', s.state,
                      'cycle', j.value -> '$.cycle.number',
                      'grace_until', s.grace_until)), ?4
             FROM ",
            each_change!(),
            " JOIN subscriptions s
                ON s.id = j.value ->> '$.id' AND s.step_id = j.value ->> '$.new_step_id'
              WHERE j.value ->> '$.event_type' IS NOT NULL"
        ),
        [
            changes.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
        ],
    );
    let events = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
             SELECT s.step_id, ?2, j.event_type,
                    json_object('subscription_id', s.id, 'license_id', s.license_id,
                                'product_id', s.product_id, 'policy_id', s.policy_id,
                                'state', s.state, 'invoice_id', c.id,
                                'checkout_url', ?3 || s.pay_token, 'amount_sats',
                                iif(c.price_currency = 'SAT', c.price_amount, 0),
                                'listed_currency', c.price_currency,
                                'listed_value', c.price_amount, 'cycle_number', c.number,
                                'cycle_start_at',
                                strftime('%Y-%m-%dT%H:%M:%SZ', l.expires_at, 'unixepoch'),
                                'cycle_end_at',
                                strftime('%Y-%m-%dT%H:%M:%SZ',
                                         l.expires_at + (s.terms ->> '$.period_days') * 86400,
                                         'unixepoch'),
                                'due_at',
                                strftime('%Y-%m-%dT%H:%M:%SZ', c.due_at, 'unixepoch'),
                                'grace_until',
                                strftime('%Y-%m-%dT%H:%M:%SZ', s.grace_until, 'unixepoch'),
                                'buyer_email', l.buyer_email,
                                'is_first_paid_cycle',
                                json(iif(c.number = 1, 'true', 'false')))
             FROM (SELECT value ->> '$.id' AS id, value ->> '$.new_step_id' AS step_id,
                          value ->> '$.event_type' AS event_type
                   FROM json_each(?1)) AS j
              JOIN subscriptions s ON s.id = j.id AND s.step_id = j.step_id
              JOIN licenses l ON l.id = s.license_id
              LEFT JOIN subscription_cycles c
                ON c.subscription_id = s.id AND c.number = s.paid_cycles + 1
              WHERE j.event_type IS NOT NULL",
        [changes.into(), actor.at.into(), pay_page.into()],
    );
    [entries, events]
}

/// Looks at these again at this time.
///
/// # Errors
/// [`DatabaseError`].
pub async fn put_off(database: &Database, ids: &[String], at: i64) -> Result<(), DatabaseError> {
    let later = Statement::new(
        "UPDATE subscriptions SET next_step_at = ?2
         WHERE id IN (SELECT value FROM json_each(?1))",
        [text(ids)?.into(), at.into()],
    );
    database.batch(vec![later]).await.map(drop)
}

/// Tries again in an hour, with one attention item for each.
fn failed(actor: &Actor, unreadable: &str) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE subscriptions SET next_step_at = ?2 + 3600
             WHERE id IN (SELECT value ->> '$.id' FROM json_each(?1))",
            [unreadable.into(), actor.at.into()],
        ),
        Statement::new(
            "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
             SELECT value ->> '$.attention_id', ?2, 'subscription_unreadable', 'subscription',
                    value ->> '$.id', json_object('reason', value ->> '$.reason')
             FROM json_each(?1) WHERE true
             ON CONFLICT (kind, object_kind, object_id) DO NOTHING",
            [unreadable.into(), actor.at.into()],
        ),
    ]
}

/// What is told of a change of state, or of a cycle that was opened.
#[must_use]
pub const fn event_of(
    state: SubscriptionState,
    opens_cycle: bool,
    changes: bool,
) -> Option<EventType> {
    match (state, changes) {
        (SubscriptionState::Lapsed, true) => Some(EventType::SubscriptionLapsed),
        (SubscriptionState::PastDue, true) => Some(EventType::SubscriptionPastDue),
        _ if opens_cycle => Some(EventType::SubscriptionRenewalPending),
        _ => None,
    }
}
