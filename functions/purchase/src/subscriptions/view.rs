//! A subscription as its holder sees it.

use keywright_domain::dates::rfc3339;
use keywright_domain::money::Currency;
use keywright_domain::standing::LicenseStatus;
use keywright_domain::subscription::{PaidTime, SubscriptionState, paid_time};
use keywright_store::subscriptions::lookup::{PastCycle, Subscription};
use serde::Serialize;
use utoipa::ToSchema;

/// A subscription for its holder.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionView {
    /// Always `true`.
    ok: bool,
    /// UUID.
    subscription_id: String,
    /// `trialing`, `active`, `past_due`, `cancelled` or `lapsed`.
    #[schema(value_type = String, example = "active")]
    state: SubscriptionState,
    /// UUID of the license.
    license_id: String,
    /// `active`, `suspended` or `revoked`. Nothing is due while it is not `active`.
    #[schema(value_type = String, example = "active")]
    license_status: LicenseStatus,
    /// Slug of the product.
    #[schema(example = "demo")]
    product: String,
    /// The product's name for people.
    product_name: String,
    /// The policy's name, as it was when it was sold.
    policy_name: String,
    /// Days that one payment buys.
    #[schema(minimum = 1)]
    period_days: i64,
    /// How far it is paid, RFC 3339; in a trial, its end; null for ever.
    #[schema(required, format = DateTime)]
    paid_until: Option<String>,
    /// The end of the trial, RFC 3339; null without one.
    #[schema(required, format = DateTime)]
    trial_ends_at: Option<String>,
    /// Until when the license still validates although it is not paid; null outside that time.
    #[schema(required, format = DateTime)]
    grace_until: Option<String>,
    /// The next payment; null if nothing will be due by itself.
    #[schema(required)]
    next_charge: Option<NextCharge>,
    /// The change that is booked for the next period that is paid; null without one.
    #[schema(required)]
    booked_change: Option<BookedChange>,
    /// When the policy changes because the period after a change is paid already, RFC 3339;
    /// null otherwise.
    #[schema(required, format = DateTime)]
    changes_at: Option<String>,
    /// How it is paid: `by_link`, by the buyer, each time.
    #[schema(example = "by_link")]
    pays: &'static str,
    /// Whether `POST /v1/subscriptions/pay` makes an order now.
    can_pay: bool,
    /// Whether `POST /v1/subscriptions/resume` takes the cancellation back.
    can_resume: bool,
    /// RFC 3339; null while it is not cancelled.
    #[schema(required, format = DateTime)]
    cancelled_at: Option<String>,
    /// The page where it is paid. Whoever has it can pay and look, and nothing else.
    pay_url: String,
    /// Its cycles, newest first, at most 100.
    history: Vec<CycleView>,
}

/// A change that takes effect with the next period that is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct BookedChange {
    /// Slug of the policy.
    #[schema(example = "basic")]
    policy_slug: String,
    /// The policy's name, as it was when the change was booked.
    policy_name: String,
    /// Days that one payment buys from then on.
    #[schema(minimum = 1)]
    period_days: i64,
}

/// The next payment of a subscription.
#[derive(Serialize, ToSchema)]
pub(crate) struct NextCharge {
    /// When it is due, RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "USD")]
    price_currency: Currency,
    /// To pay, in the smallest unit.
    #[schema(minimum = 0)]
    price_value: i64,
    /// Before the discount.
    #[schema(minimum = 0)]
    base_price_value: i64,
    /// 1 is the first that is paid.
    #[schema(minimum = 1)]
    cycle_number: i64,
    /// The code that it was sold with, while it holds; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "LAUNCH")]
    discount_code: Option<String>,
    /// For how many cycles the code holds, this one included; absent for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    discount_cycles_left: Option<i64>,
}

/// A cycle of a subscription.
#[derive(Serialize, ToSchema)]
pub(crate) struct CycleView {
    /// 1 is the first that is paid.
    #[schema(minimum = 1)]
    number: i64,
    /// `open`, `paid` or `withdrawn`.
    #[schema(example = "paid")]
    state: String,
    /// `SAT`, `USD` or `EUR`.
    #[schema(example = "USD")]
    price_currency: String,
    /// Its price, in the smallest unit.
    #[schema(minimum = 0)]
    price_value: i64,
    /// What its payment bought, RFC 3339; null before.
    #[schema(required, format = DateTime)]
    starts_at: Option<String>,
    /// The end of that.
    #[schema(required, format = DateTime)]
    ends_at: Option<String>,
    /// RFC 3339; null before.
    #[schema(required, format = DateTime)]
    paid_at: Option<String>,
    /// `btcpay`, `zaprite`, `polygon` or `free`; null before.
    #[schema(required, example = "btcpay")]
    provider: Option<String>,
}

/// The time that it is in at `now`.
pub(super) fn time_of(subscription: &Subscription, now: i64) -> PaidTime {
    paid_time(
        now,
        subscription.expires_at,
        subscription.grace_until,
        subscription.paid_cycles,
    )
}

/// Whether it is over, so that a payment brings it back at the price of then.
pub(super) fn is_over(subscription: &Subscription, now: i64) -> bool {
    match subscription.state {
        SubscriptionState::Lapsed => true,
        SubscriptionState::Cancelled => time_of(subscription, now) == PaidTime::Over,
        SubscriptionState::Trialing | SubscriptionState::Active | SubscriptionState::PastDue => {
            false
        }
    }
}

/// Whether it is paid for more than the period that runs: then nothing more can be paid yet.
pub(super) fn is_paid_ahead(subscription: &Subscription, now: i64) -> bool {
    let period = subscription.terms.period_seconds();
    subscription.expires_at.is_none_or(|at| at > now + period)
}

impl SubscriptionView {
    pub(super) fn of(
        subscription: Subscription,
        history: Vec<PastCycle>,
        pay_url: String,
        now: i64,
    ) -> Self {
        let time = time_of(&subscription, now);
        let is_in_force = subscription.license_status == LicenseStatus::Active;
        let is_live = subscription.state.is_live() && is_in_force;
        let can_resume = is_in_force
            && subscription.state == SubscriptionState::Cancelled
            && time != PaidTime::Over;
        let can_pay = is_in_force
            && (is_over(&subscription, now) || (is_live && !is_paid_ahead(&subscription, now)));
        Self {
            ok: true,
            next_charge: is_live.then(|| charge_view(&subscription)).flatten(),
            booked_change: booked(&subscription),
            changes_at: subscription.changes_at.map(rfc3339),
            grace_until: subscription
                .grace_until
                .filter(|_| time == PaidTime::Grace)
                .map(rfc3339),
            subscription_id: subscription.id,
            state: subscription.state,
            license_id: subscription.license_id,
            license_status: subscription.license_status,
            product: subscription.product,
            product_name: subscription.product_name,
            period_days: subscription.terms.recurrence.period_days,
            policy_name: subscription.terms.policy_name,
            paid_until: subscription.expires_at.map(rfc3339),
            trial_ends_at: subscription.trial_ends_at.map(rfc3339),
            pays: "by_link",
            can_pay,
            can_resume,
            cancelled_at: subscription.cancelled_at.map(rfc3339),
            pay_url,
            history: history.into_iter().map(CycleView::from).collect(),
        }
    }
}

fn booked(subscription: &Subscription) -> Option<BookedChange> {
    let terms = subscription.booked_terms.as_ref()?;
    Some(BookedChange {
        policy_slug: subscription.booked_policy.clone()?,
        policy_name: terms.policy_name.clone(),
        period_days: terms.recurrence.period_days,
    })
}

fn charge_view(subscription: &Subscription) -> Option<NextCharge> {
    let charge = subscription.next_charge();
    let terms = subscription.booked_terms.as_ref();
    let discount = terms.unwrap_or(&subscription.terms).discount.as_ref();
    let discount = discount.filter(|one| one.left(subscription.paid_cycles) != Some(0));
    Some(NextCharge {
        at: rfc3339(subscription.expires_at?),
        price_currency: charge.price.currency(),
        price_value: charge.price.amount(),
        base_price_value: charge.base.amount(),
        cycle_number: subscription.paid_cycles + 1,
        discount_code: discount.map(|one| one.code.clone()),
        discount_cycles_left: discount.and_then(|one| one.left(subscription.paid_cycles)),
    })
}

impl From<PastCycle> for CycleView {
    fn from(cycle: PastCycle) -> Self {
        Self {
            number: cycle.number,
            state: cycle.state,
            price_currency: cycle.price_currency,
            price_value: cycle.price_amount,
            starts_at: cycle.starts_at.map(rfc3339),
            ends_at: cycle.ends_at.map(rfc3339),
            paid_at: cycle.paid_at.map(rfc3339),
            provider: cycle.provider,
        }
    }
}
