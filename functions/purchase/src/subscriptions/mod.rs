//! Routes for whoever holds a subscription: by its license key, or by the token in the
//! link that its buyer was sent.

pub(crate) mod cancel;
pub(crate) mod change;
pub(crate) mod held;
pub(crate) mod pay;
pub(crate) mod resume;
pub(crate) mod show;
mod view;

use keywright_domain::money::Currency;
use keywright_domain::subscription::terms::SubscriptionTerms;
use serde::Serialize;
use utoipa::ToSchema;

/// What is sold by the period.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionOffer {
    /// Days that one payment buys.
    #[schema(minimum = 1, example = 30)]
    period_days: i64,
    /// Days before the first payment; 0 without a trial.
    #[schema(minimum = 0)]
    trial_days: i64,
    /// `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "USD")]
    price_currency: Currency,
    /// What the first period costs, with the code.
    #[schema(minimum = 0)]
    first_price_value: i64,
    /// What the second period costs, with the code if it still holds.
    #[schema(minimum = 0)]
    second_price_value: i64,
    /// What a period costs once no code holds any more.
    #[schema(minimum = 0)]
    renewal_price_value: i64,
    /// For how many periods the code holds; 0 for ever; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    discount_cycles: Option<i64>,
}

impl SubscriptionOffer {
    /// What these terms promise.
    pub(crate) fn of(terms: &SubscriptionTerms) -> Self {
        let for_ever = terms.discount.as_ref().filter(|one| one.cycles == 0);
        let renewal = for_ever.map_or(terms.renewal_price, |one| {
            one.discount.price(terms.renewal_price)
        });
        Self {
            period_days: terms.recurrence.period_days,
            trial_days: terms.recurrence.trial_days,
            price_currency: terms.renewal_price.currency(),
            first_price_value: terms.charge(1).price.amount(),
            second_price_value: terms.charge(2).price.amount(),
            renewal_price_value: renewal.amount(),
            discount_cycles: terms.discount.as_ref().map(|one| one.cycles),
        }
    }
}
