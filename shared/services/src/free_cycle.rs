//! Pays a cycle that costs nothing, because of a code or a price of 0: the tick does it, and
//! so does a buyer who opens the link before.

use keywright_domain::order::{OrderIdentity, OrderSecret};
use keywright_domain::terms::Terms;
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{Database, DatabaseError, Stamps};
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::OrderDraft;
use keywright_store::sales::settle::{self, IssueIds};
use keywright_store::subscriptions::lookup;
use keywright_store::subscriptions::order_link::OrderPurpose;

/// Statements that [`pay`] takes.
pub const STATEMENTS: usize = 13;

/// Pays the open cycle of this subscription, if it costs nothing. Answers whether it did.
///
/// # Errors
/// [`DatabaseError`].
pub async fn pay(
    database: &Database,
    stamps: &Stamps,
    actor: &Actor,
    subscription_id: &str,
    keys: &ReceiptKeys,
) -> Result<bool, DatabaseError> {
    let Some(subscription) = lookup::get(database, subscription_id).await? else {
        return Ok(false);
    };
    let charge = subscription.next_charge();
    let Some(cycle_id) = subscription
        .open_cycle_id
        .filter(|_| charge.price.is_zero())
    else {
        return Ok(false);
    };
    let order = OrderDraft {
        identity: OrderIdentity {
            id: stamps.new_id(),
            secret: OrderSecret::from_random(stamps.random()),
        },
        product_id: subscription.product_id,
        policy_id: subscription.policy_id,
        price: charge.price,
        base: charge.base,
        payment_provider_id: None,
        terms: Terms {
            duration_seconds: subscription.terms.period_seconds(),
            grace_seconds: subscription.terms.grace_seconds(),
            ..Terms::default()
        },
        buyer_email: subscription.buyer_email,
        buyer_note: None,
        reservation: None,
        purpose: OrderPurpose::PayCycle {
            cycle_id,
            license_id: subscription.license_id,
            tier_change_id: subscription.booked_change_id,
        },
    };
    let ids = IssueIds::new(stamps);
    settle::free_cycle(database, actor, &order, &ids, keys).await
}
