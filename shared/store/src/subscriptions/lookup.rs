//! Subscriptions as their holders, the operator and the rules load them.

use crate::columns;
use keywright_domain::money::Price;
use keywright_domain::page::Page;
use keywright_domain::standing::{CurrentKey, LicenseStatus};
use keywright_domain::subscription::SubscriptionState;
use keywright_domain::subscription::terms::{Charge, SubscriptionTerms};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// How many cycles of its history a subscription shows.
const MAX_HISTORY: i64 = 100;

/// A subscription with what is known of its license and of its next cycle.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subscription {
    /// `UUIDv7`.
    pub id: String,
    /// Its license.
    pub license_id: String,
    /// The state of that license.
    pub license_status: LicenseStatus,
    /// The current key of that license.
    pub key_issued_at: CurrentKey,
    /// How far it is paid, in unix seconds; `None` for ever.
    pub expires_at: Option<i64>,
    /// The product.
    pub product_id: String,
    /// The product's slug.
    pub product: String,
    /// The product's name for people.
    pub product_name: String,
    /// The policy.
    pub policy_id: Option<String>,
    /// Where it stands.
    pub state: SubscriptionState,
    /// What it was sold for.
    #[serde(deserialize_with = "columns::json")]
    pub terms: SubscriptionTerms,
    /// In the buyer's link.
    pub pay_token: String,
    /// The number of the newest paid cycle.
    pub paid_cycles: i64,
    /// Unix seconds; `None` without a trial.
    pub trial_ends_at: Option<i64>,
    /// The end of the grace, once it began.
    pub grace_until: Option<i64>,
    /// Unix seconds.
    pub started_at: i64,
    /// Unix seconds.
    pub cancelled_at: Option<i64>,
    /// Who ended it.
    pub cancelled_by: Option<String>,
    /// Why.
    pub cancel_reason: Option<String>,
    /// Unix seconds.
    pub lapsed_at: Option<i64>,
    /// The last change.
    pub step_id: String,
    /// The buyer's address.
    pub buyer_email: Option<String>,
    /// The next cycle, while it can be paid.
    pub open_cycle_id: Option<String>,
    /// What the next cycle costs, while it can be paid.
    pub open_price: Option<i64>,
    /// The same before any discount.
    pub open_base: Option<i64>,
    /// Since when the next cycle can be paid.
    pub opened_at: Option<i64>,
    /// The change that takes effect with the next cycle that is paid.
    pub booked_change_id: Option<String>,
    /// The slug of its policy.
    pub booked_policy: Option<String>,
    /// What it is sold for from then on.
    #[serde(deserialize_with = "columns::optional_json")]
    pub booked_terms: Option<SubscriptionTerms>,
    /// When a change takes effect whose cycle is paid already, in unix seconds.
    pub changes_at: Option<i64>,
}

impl Subscription {
    /// What its next cycle costs: as it was opened, else by its terms.
    #[must_use]
    pub fn next_charge(&self) -> Charge {
        let terms = self.booked_terms.as_ref().unwrap_or(&self.terms);
        let charge = terms.charge(self.paid_cycles + 1);
        let currency = charge.price.currency();
        let price = |amount: Option<i64>| amount.and_then(|one| Price::new(currency, one).ok());
        Charge {
            price: price(self.open_price).unwrap_or(charge.price),
            base: price(self.open_base).unwrap_or(charge.base),
        }
    }
}

/// The statement that reads whole subscriptions, as `s`.
macro_rules! select_subscriptions {
    ($($rest:expr),+ $(,)?) => {
        concat!(
            "SELECT s.id, s.license_id, l.status AS license_status, l.key_issued_at,
                    l.expires_at, s.product_id,
                    p.slug AS product, p.name AS product_name, s.policy_id, s.state, s.terms,
                    s.pay_token, s.paid_cycles, s.trial_ends_at, s.grace_until, s.started_at,
                    s.cancelled_at, s.cancelled_by, s.cancel_reason, s.lapsed_at, s.step_id,
                    l.buyer_email, c.id AS open_cycle_id, c.price_amount AS open_price,
                    c.base_price_amount AS open_base, c.opened_at, s.booked_change_id,
                    o.slug AS booked_policy, b.effect -> '$.terms' AS booked_terms,
                    (SELECT min(effective_at) FROM tier_changes
                     WHERE license_id = s.license_id AND state = 'paid') AS changes_at
             FROM subscriptions s
             JOIN licenses l ON l.id = s.license_id
             JOIN products p ON p.id = s.product_id
             LEFT JOIN tier_changes b ON b.id = s.booked_change_id
             LEFT JOIN policies o ON o.id = b.to_policy_id
             LEFT JOIN subscription_cycles c
               ON c.subscription_id = s.id AND c.number = s.paid_cycles + 1 AND c.state = 'open' ",
            $($rest),+
        )
    };
}
/// The subscription with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<Subscription>, DatabaseError> {
    let sql = select_subscriptions!("WHERE s.id = ?1");
    database.first(Statement::new(sql, [id.into()])).await
}

/// The subscription of this license.
///
/// # Errors
/// [`DatabaseError`].
pub async fn of_license(
    database: &Reader,
    license_id: &str,
) -> Result<Option<Subscription>, DatabaseError> {
    let sql = select_subscriptions!("WHERE s.license_id = ?1");
    database
        .first(Statement::new(sql, [license_id.into()]))
        .await
}

/// The subscription that this token opens.
///
/// # Errors
/// [`DatabaseError`].
pub async fn of_pay_token(
    database: &Reader,
    pay_token: &str,
) -> Result<Option<Subscription>, DatabaseError> {
    let sql = select_subscriptions!("WHERE s.pay_token = ?1");
    database
        .first(Statement::new(sql, [pay_token.into()]))
        .await
}

/// Subscriptions, newest first, of one state or of all; one more than the page holds when
/// there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    state: Option<SubscriptionState>,
    page: &Page,
) -> Result<Vec<Subscription>, DatabaseError> {
    // Ids grow with time. Behind every id when there is no page before.
    let before = page.after.as_ref().map_or("~", |after| after.id.as_str());
    let limit = page.limit + 1;
    let statement = match state {
        Some(state) => Statement::new(
            select_subscriptions!("WHERE s.state = ?3 AND s.id < ?1 ORDER BY s.id DESC LIMIT ?2"),
            [before.into(), limit.into(), state.as_str().into()],
        ),
        None => Statement::new(
            select_subscriptions!("WHERE s.id < ?1 ORDER BY s.id DESC LIMIT ?2"),
            [before.into(), limit.into()],
        ),
    };
    database.query(statement).await
}

/// A cycle in the history of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PastCycle {
    /// 1 is the first that was paid.
    pub number: i64,
    /// `open`, `paid` or `withdrawn`.
    pub state: String,
    /// The currency of its price.
    pub price_currency: String,
    /// Its price.
    pub price_amount: i64,
    /// What its payment bought, in unix seconds.
    pub starts_at: Option<i64>,
    /// The end of that.
    pub ends_at: Option<i64>,
    /// Unix seconds.
    pub paid_at: Option<i64>,
    /// Who took the payment.
    pub provider: Option<String>,
}

/// The newest cycles of a subscription, newest first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn history(
    database: &Reader,
    subscription_id: &str,
) -> Result<Vec<PastCycle>, DatabaseError> {
    let statement = Statement::new(
        "SELECT c.number, c.state, c.price_currency, c.price_amount, c.starts_at, c.ends_at,
                c.paid_at, i.provider
         FROM subscription_cycles c LEFT JOIN invoices i ON i.id = c.invoice_id
         WHERE c.subscription_id = ?1 ORDER BY c.number DESC LIMIT ?2",
        [subscription_id.into(), MAX_HISTORY.into()],
    );
    database.query(statement).await
}
