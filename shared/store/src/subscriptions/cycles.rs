//! Cycles: opening the next one for its buyer to pay, and the order that is open for it.

use crate::operator::audit::{Actor, insert_into_audit};
use crate::tier_changes::booking::unbook;
use keywright_domain::order::OrderProvider;
use keywright_domain::subscription::terms::{Charge, SubscriptionTerms};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::Deserialize;

/// When an order that was replaced is read next, in seconds: by then its provider has ended
/// it, unless it was paid.
pub(crate) const READ_AGAIN_AFTER: i64 = 3_600;

/// How a buyer opens the next cycle.
#[derive(Debug, Clone)]
pub struct OpenedCycle<'a> {
    /// A new id.
    pub id: &'a str,
    /// The subscription.
    pub subscription_id: &'a str,
    /// The step of the subscription as it was loaded: a later one must be looked at first.
    pub step_id: &'a str,
    /// The number of the cycle.
    pub number: i64,
    /// What it costs.
    pub charge: Charge,
    /// When it is due, in unix seconds.
    pub due_at: i64,
    /// New terms, for a subscription that ended and is sold again.
    pub terms: Option<&'a SubscriptionTerms>,
}

/// Opens a cycle, or the one that was withdrawn with a cancellation. Answers false if the
/// subscription changed meanwhile. A cycle that is open stays as it is.
///
/// # Errors
/// [`DatabaseError`].
pub async fn open(
    database: &Database,
    actor: &Actor,
    cycle: &OpenedCycle<'_>,
    audit_id: &str,
) -> Result<bool, DatabaseError> {
    let terms = cycle
        .terms
        .and_then(|terms| serde_json::to_string(terms).ok());
    let mut batch = Batch::new();
    // After a cancellation the cycle is opened later than it, by a second at least.
    batch.write(Statement::new(
        "INSERT INTO subscription_cycles (id, subscription_id, number, state, price_currency,
                                          price_amount, base_price_amount, due_at, opened_at)
         SELECT ?1, id, ?4, 'open', ?5, ?6, ?7, ?8, max(?9, coalesce(cancelled_at + 1, ?9))
         FROM subscriptions WHERE id = ?2 AND step_id = ?3 AND paid_cycles = ?4 - 1
         ON CONFLICT (subscription_id, number)
         DO UPDATE SET state = 'open', price_currency = excluded.price_currency,
                       price_amount = excluded.price_amount,
                       base_price_amount = excluded.base_price_amount,
                       due_at = excluded.due_at, opened_at = excluded.opened_at
         WHERE state = 'withdrawn'",
        [
            cycle.id.into(),
            cycle.subscription_id.into(),
            cycle.step_id.into(),
            cycle.number.into(),
            cycle.charge.price.currency().as_str().into(),
            cycle.charge.price.amount().into(),
            cycle.charge.base.amount().into(),
            cycle.due_at.into(),
            actor.at.into(),
        ],
    ));
    batch.write(Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'subscription.open_cycle', 'subscription', ?4, NULL,
                    json_object('cycle', ?5), ?6 WHERE changes() > 0"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            cycle.subscription_id.into(),
            cycle.number.into(),
            (&actor.request_id).into(),
        ],
    ));
    if cycle.terms.is_some() {
        // What is sold again is sold as it is; a change that was booked before is not.
        batch.extend(unbook(audit_id, actor.at));
    }
    batch.write(Statement::new(
        "UPDATE subscriptions SET terms = coalesce(?2, terms),
                booked_change_id = iif(?2 IS NULL, booked_change_id, NULL), updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        [
            cycle.subscription_id.into(),
            terms.into(),
            actor.at.into(),
            audit_id.into(),
        ],
    ));
    let open = batch.read::<Row>(Statement::new(
        "SELECT id FROM subscription_cycles
         WHERE subscription_id = ?1 AND number = ?2 AND state = 'open'",
        [cycle.subscription_id.into(), cycle.number.into()],
    ));
    batch.run(database).await?.any(open)
}

/// The order that is open for a cycle.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OpenOrder {
    /// Its id.
    pub id: String,
    /// Who takes the payment.
    pub provider: OrderProvider,
    /// Where it is paid; empty until the provider answered.
    pub checkout_url: String,
    /// Unix seconds.
    pub created_at: i64,
}

/// The order that is open for this cycle.
///
/// # Errors
/// [`DatabaseError`].
pub async fn open_order(
    database: &Reader,
    cycle_id: &str,
) -> Result<Option<OpenOrder>, DatabaseError> {
    let statement = Statement::new(
        "SELECT id, provider, checkout_url, created_at FROM invoices
         WHERE cycle_id = ?1 AND status = 'pending'",
        [cycle_id.into()],
    );
    database.first(statement).await
}
