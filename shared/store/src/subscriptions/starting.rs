//! The start of a subscription: in the batch that issues its license.

use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::subscription::pay_token::PayToken;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Stamps, Statement};

/// New ids for what one payment does to a subscription.
#[derive(Debug, Clone)]
pub struct SubscriptionIds {
    /// Of a new subscription, and of the step of one that exists.
    pub(crate) subscription: String,
    /// Of its first cycle.
    pub(crate) cycle: String,
    /// In the buyer's link.
    pub(crate) pay_token: PayToken,
    /// Of the audit entry.
    pub(crate) audit: String,
    /// Of the event.
    pub(crate) event: String,
    /// Of what the operator may have to look at.
    pub(crate) attention: [String; 2],
}

impl SubscriptionIds {
    /// All of them new.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            subscription: stamps.new_id(),
            cycle: stamps.new_id(),
            pay_token: PayToken::from_random(stamps.random()),
            audit: stamps.new_id(),
            event: stamps.new_id(),
            attention: [stamps.new_id(), stamps.new_id()],
        }
    }
}

/// Records that this buyer had a trial of this product, if the order was recorded. A second
/// trial breaks the key of the table, and with it the batch.
pub(crate) fn claim_trial(order_id: &str, buyer_hash: &str, now: i64) -> Statement {
    Statement::new(
        "INSERT INTO trials (product_id, buyer_hash, order_id, began_at)
         SELECT product_id, ?2, id, ?3 FROM invoices WHERE id = ?1",
        [order_id.into(), buyer_hash.into(), now.into()],
    )
}

/// The statements that start the subscription of an order, if its license was written. Its
/// first cycle is the one that was paid; a trial has paid for none.
pub(crate) fn started(
    actor: &Actor,
    invoice_id: &str,
    license_id: &str,
    ids: &SubscriptionIds,
) -> [Statement; 4] {
    let subscription = Statement::new(
        "INSERT INTO subscriptions (id, license_id, product_id, policy_id, state, terms, pay_token,
                                    paid_cycles, trial_ends_at, started_at, next_step_at, step_id,
                                    updated_at)
         SELECT ?1, l.id, l.product_id, l.policy_id, iif(i.trial, 'trialing', 'active'),
                i.recurring, ?4, iif(i.trial, 0, 1), iif(i.trial, l.expires_at, NULL),
                l.issued_at, ?5, ?1, ?5
         FROM (SELECT id, recurring, recurring ->> '$.trial_days' > 0 AS trial
               FROM invoices WHERE id = ?2 AND recurring IS NOT NULL) AS i
         JOIN licenses l ON l.id = ?3",
        [
            (&ids.subscription).into(),
            invoice_id.into(),
            license_id.into(),
            ids.pay_token.as_str().into(),
            actor.at.into(),
        ],
    );
    let cycle = Statement::new(
        "INSERT INTO subscription_cycles (id, subscription_id, number, state, price_currency,
                                          price_amount, base_price_amount, due_at, opened_at,
                                          starts_at, ends_at, paid_at, invoice_id, receipt_id)
         SELECT ?1, s.id, 1, 'paid', i.price_currency, coalesce(i.price_amount, i.amount_sats),
                coalesce(i.base_price_amount, i.base_price_sats), i.created_at, i.created_at,
                r.received_at, l.expires_at, r.received_at, i.id, r.id
         FROM subscriptions s
         JOIN licenses l ON l.id = s.license_id
         JOIN receipts r ON r.id = l.receipt_id
         JOIN invoices i ON i.id = r.invoice_id
         WHERE s.id = ?2 AND s.paid_cycles = 1",
        [(&ids.cycle).into(), (&ids.subscription).into()],
    );
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'subscription.start', 'subscription', id, NULL,
                    json_object('license_id', license_id, 'product_id', product_id,
                                'policy_id', policy_id, 'state', state, 'terms', json(terms)), ?5
             FROM subscriptions WHERE id = ?4"
        ),
        [
            (&ids.audit).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&ids.subscription).into(),
            (&actor.request_id).into(),
        ],
    );
    let event = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?3,
                json_object('subscription_id', s.id, 'license_id', s.license_id,
                            'product_id', s.product_id, 'policy_id', s.policy_id,
                            'state', s.state, 'invoice_id', ?5,
                            'period_days', s.terms -> '$.period_days',
                            'paid_until', strftime('%Y-%m-%dT%H:%M:%SZ', l.expires_at, 'unixepoch'))
         FROM subscriptions s JOIN licenses l ON l.id = s.license_id WHERE s.id = ?4",
        [
            (&ids.event).into(),
            actor.at.into(),
            EventType::SubscriptionStarted.as_str().into(),
            (&ids.subscription).into(),
            invoice_id.into(),
        ],
    );
    [subscription, cycle, entry, event]
}
