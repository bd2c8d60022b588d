//! Routes for subscriptions, one file each.

pub(crate) mod cancel;
pub(crate) mod list;
pub(crate) mod show;

use keywright_domain::dates::rfc3339;
use keywright_domain::money::Currency;
use keywright_domain::standing::LicenseStatus;
use keywright_domain::subscription::SubscriptionState;
use keywright_store::subscriptions::lookup::Subscription;
use serde::Serialize;
use utoipa::ToSchema;

/// A subscription as the operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminSubscription)]
pub(crate) struct SubscriptionView {
    /// UUID.
    id: String,
    /// `trialing`, `active`, `past_due`, `cancelled` or `lapsed`.
    #[schema(value_type = String, example = "active")]
    state: SubscriptionState,
    /// UUID of its license.
    license_id: String,
    /// `active`, `suspended` or `revoked`. Nothing is due while it is not `active`.
    #[schema(value_type = String, example = "active")]
    license_status: LicenseStatus,
    /// UUID.
    product_id: String,
    /// Slug of the product.
    product_slug: String,
    /// UUID; null for a policy that is gone.
    policy_id: Option<String>,
    /// The policy's name, as it was when it was sold.
    policy_name: String,
    /// Days that one payment buys.
    period_days: i64,
    /// Days after a paid period in which the license still validates.
    grace_period_days: i64,
    /// How far it is paid, RFC 3339; in a trial, its end; null for ever.
    paid_until: Option<String>,
    /// The end of the trial, RFC 3339; null without one.
    trial_ends_at: Option<String>,
    /// The end of the grace, RFC 3339, once it began.
    grace_until: Option<String>,
    /// How many periods were paid.
    paid_cycles: i64,
    /// `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "USD")]
    price_currency: Currency,
    /// What the next period costs, in the smallest unit.
    next_price_value: i64,
    /// The code that it was sold with; null without one.
    discount_code: Option<String>,
    /// The buyer's address.
    buyer_email: Option<String>,
    /// RFC 3339.
    started_at: String,
    /// RFC 3339; null while it is not cancelled.
    cancelled_at: Option<String>,
    /// Who cancelled it.
    cancelled_by: Option<String>,
    /// Why.
    cancel_reason: Option<String>,
    /// RFC 3339; null while it has not lapsed.
    lapsed_at: Option<String>,
}

impl From<Subscription> for SubscriptionView {
    fn from(one: Subscription) -> Self {
        let charge = one.next_charge();
        Self {
            id: one.id,
            state: one.state,
            license_id: one.license_id,
            license_status: one.license_status,
            product_id: one.product_id,
            product_slug: one.product,
            policy_id: one.policy_id,
            period_days: one.terms.recurrence.period_days,
            grace_period_days: one.terms.recurrence.grace_days,
            policy_name: one.terms.policy_name,
            paid_until: one.expires_at.map(rfc3339),
            trial_ends_at: one.trial_ends_at.map(rfc3339),
            grace_until: one.grace_until.map(rfc3339),
            paid_cycles: one.paid_cycles,
            price_currency: charge.price.currency(),
            next_price_value: charge.price.amount(),
            discount_code: one.terms.discount.map(|discount| discount.code),
            buyer_email: one.buyer_email,
            started_at: rfc3339(one.started_at),
            cancelled_at: one.cancelled_at.map(rfc3339),
            cancelled_by: one.cancelled_by,
            cancel_reason: one.cancel_reason,
            lapsed_at: one.lapsed_at.map(rfc3339),
        }
    }
}
