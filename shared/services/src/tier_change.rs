//! Plans a change of a license to another policy: what it costs, when it takes effect, and
//! what it does. The arithmetic is `keywright_domain::proration`.

use keywright_domain::dates::end_of_day;
use keywright_domain::money::{Currency, NotAPrice, Price};
use keywright_domain::proration::{
    self, ChangeDirection, ChangePlan, ChangeRefusal, ChangeTarget, ChangeTiming, PaidSoFar,
};
use keywright_domain::standing::LicenseStatus;
use keywright_domain::subscription::SubscriptionState;
use keywright_domain::subscription::terms::{
    Charge, CycleDiscount, Recurrence, RecurrenceError, SubscriptionTerms,
};
use keywright_ports::{Database, DatabaseError};
use keywright_store::catalog::policies::{self, Policy};
use keywright_store::catalog::products::{self, Product};
use keywright_store::subscriptions::lookup::{self, Subscription};
use keywright_store::tier_changes::basis::{self, ActiveMachine, ChangeBasis, PaidSum};
use keywright_store::tier_changes::change::{
    ChangeEffect, CycleWorth, NewTierChange, RecordedCharge,
};

/// Why no change is planned.
#[derive(Debug, thiserror::Error)]
pub enum TierChangeError {
    /// There is no such license.
    #[error("there is no such license")]
    UnknownLicense,
    /// It is suspended or revoked.
    #[error("the license is not active")]
    NotActive,
    /// It was sold without a policy.
    #[error("the license has no policy, so there is nothing to change from")]
    NoPolicy,
    /// The product has no such policy.
    #[error("this product has no such policy")]
    UnknownPolicy,
    /// Another product has a policy of this name.
    #[error("target_policy_slug must name a policy of the same product")]
    OtherProduct,
    /// Nothing would change.
    #[error("the license has this policy already")]
    SamePolicy,
    /// The target is not sold.
    #[error("target_policy_slug must name a policy that is on sale")]
    NotOnSale,
    /// The rules refuse it.
    #[error(transparent)]
    Refused(#[from] ChangeRefusal),
    /// What was sold once ran out.
    #[error("the license has expired; buy a new one")]
    Expired,
    /// More machines use it than the target has seats.
    #[error(
        "{used} machines use the license and the target policy allows {cap}; deactivate some first"
    )]
    TooManyMachines {
        /// Machines that use it.
        used: usize,
        /// Seats of the target.
        cap: i64,
        /// Those machines.
        machines: Vec<ActiveMachine>,
    },
    /// A recorded price or period that nobody could have recorded.
    #[error("{0}")]
    Unreadable(String),
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<NotAPrice> for TierChangeError {
    fn from(error: NotAPrice) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<RecurrenceError> for TierChangeError {
    fn from(error: RecurrenceError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Who asks for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeAuthor {
    /// The holder: to what is on sale.
    Holder,
    /// The operator: also to a hidden policy, and to any rank.
    Operator,
}

/// What a change is made of.
#[derive(Debug)]
pub struct TierChangeBasis {
    /// The license, and what was paid.
    pub basis: ChangeBasis,
    /// Its subscription.
    pub subscription: Option<Subscription>,
    /// Its product.
    pub product: Product,
    /// The policy that it has.
    pub from: Policy,
    /// The policy that it gets.
    pub to: Policy,
    /// What a license under that costs that is sold once.
    price: Price,
    /// What a subscription to it is sold for.
    terms: Option<SubscriptionTerms>,
}

/// A change that is planned.
#[derive(Debug)]
pub struct PlannedTierChange {
    /// What it is made of.
    pub basis: TierChangeBasis,
    /// Which way it goes.
    pub direction: ChangeDirection,
    /// What it costs, and when it takes effect.
    pub plan: ChangePlan,
    /// Whole days of the paid time that are left.
    pub days_left: i64,
    /// What the next period costs; `None` if none comes.
    pub next: Option<Charge>,
}

/// Loads what a change of this license to this policy is made of.
///
/// # Errors
/// [`TierChangeError`].
pub async fn load(
    database: &Database,
    license_id: &str,
    to_slug: &str,
    author: ChangeAuthor,
) -> Result<TierChangeBasis, TierChangeError> {
    let basis = basis::read(database, license_id).await?;
    let basis = basis.ok_or(TierChangeError::UnknownLicense)?;
    if basis.license.status != LicenseStatus::Active {
        return Err(TierChangeError::NotActive);
    }
    let subscription = lookup::of_license(database, license_id).await?;
    let product = products::find(database, &basis.license.product).await?;
    let product = product.ok_or(TierChangeError::UnknownLicense)?;
    let policies = policies::all_of_product(database, &product.id).await?;
    let from_id = basis.license.policy_id.as_ref();
    let from = policies.iter().find(|one| Some(&one.id) == from_id);
    let from = from.cloned().ok_or(TierChangeError::NoPolicy)?;
    let Some(to) = policies.into_iter().find(|one| one.slug == to_slug) else {
        return Err(if policies::is_slug_of_any(database, to_slug).await? {
            TierChangeError::OtherProduct
        } else {
            TierChangeError::UnknownPolicy
        });
    };
    if to.id == from.id {
        return Err(TierChangeError::SamePolicy);
    }
    let is_sold = match author {
        ChangeAuthor::Holder => to.is_for_sale() && product.active,
        ChangeAuthor::Operator => to.active && to.archived_at.is_none(),
    };
    if !is_sold {
        return Err(TierChangeError::NotOnSale);
    }
    let price = to.price()?.unwrap_or(product.price);
    let terms = target_terms(&to, price, subscription.as_ref())?;
    Ok(TierChangeBasis {
        basis,
        subscription,
        product,
        from,
        to,
        price,
        terms,
    })
}

/// What a subscription to this policy is sold for to somebody who has one: no second trial,
/// and with the code that theirs was sold with, if it covers this policy.
fn target_terms(
    to: &Policy,
    price: Price,
    subscription: Option<&Subscription>,
) -> Result<Option<SubscriptionTerms>, TierChangeError> {
    let Some(recurrence) = to.recurrence()? else {
        return Ok(None);
    };
    let renewal = to.renewal_price_amount;
    let renewal = renewal.map(|amount| Price::new(price.currency(), amount));
    let covers = |one: &&CycleDiscount| one.covers(&to.id, price.currency());
    let lapsed = |one: &&Subscription| one.state != SubscriptionState::Lapsed;
    let discount = subscription
        .filter(lapsed)
        .and_then(|one| one.terms.discount.as_ref());
    Ok(Some(SubscriptionTerms {
        policy_name: to.name.clone(),
        recurrence: Recurrence {
            trial_days: 0,
            ..recurrence
        },
        first_price: price,
        renewal_price: renewal.transpose()?.unwrap_or(price),
        discount: discount.filter(covers).cloned(),
    }))
}

impl TierChangeBasis {
    /// Plans the change for `now`.
    ///
    /// # Errors
    /// [`TierChangeError`].
    pub fn planned(self, now: i64) -> Result<PlannedTierChange, TierChangeError> {
        let direction = proration::direction(self.from.tier_rank, self.to.tier_rank)?;
        let days_left = self.days_left(now);
        let sold_in = |sum: &PaidSum| Price::new(sum.currency, sum.amount);
        let paid = match (&self.subscription, self.from.is_recurring) {
            (None, false) => PaidSoFar::Once(match self.basis.license.paid.as_slice() {
                [] => Price::free(self.price.currency()),
                [sum] => sold_in(sum)?,
                [first, second, ..] => {
                    return Err(ChangeRefusal::Currencies(first.currency, second.currency).into());
                }
            }),
            (None, true) => PaidSoFar::NothingRunning { paid_cycles: 0 },
            (Some(one), _) if self.is_over(one, now) => PaidSoFar::NothingRunning {
                paid_cycles: one.paid_cycles,
            },
            (Some(one), _) => PaidSoFar::Period {
                days_left,
                cycles: &self.basis.cycles,
                paid_cycles: one.paid_cycles,
            },
        };
        let target = ChangeTarget {
            price: self.price,
            terms: self.terms.as_ref(),
        };
        let plan = proration::plan(direction, paid, target)?;
        let is_once = matches!(paid, PaidSoFar::Once(_));
        if is_once && self.once_until(now).is_some_and(|until| until <= now) {
            return Err(TierChangeError::Expired);
        }
        self.check_machines()?;
        let next = self.next_charge(plan.timing);
        Ok(PlannedTierChange {
            direction,
            plan,
            days_left,
            next,
            basis: self,
        })
    }

    /// The operator's change: at once, for nothing, and the paid time stays as it is.
    #[must_use]
    pub fn granted(self, now: i64) -> PlannedTierChange {
        let timing = match (&self.subscription, &self.terms) {
            (Some(_), Some(_)) => ChangeTiming::RunningPeriod,
            _ => ChangeTiming::Once,
        };
        PlannedTierChange {
            direction: ChangeDirection::Upgrade,
            plan: ChangePlan {
                timing,
                charge: Price::free(self.price.currency()),
            },
            days_left: self.days_left(now),
            next: self.next_charge(timing),
            basis: self,
        }
    }

    fn days_left(&self, now: i64) -> i64 {
        let end = self.basis.license.expires_at.unwrap_or(now);
        proration::whole_days(now, end)
    }

    /// Whether its subscription ended, so that nothing that was paid still runs.
    fn is_over(&self, subscription: &Subscription, now: i64) -> bool {
        let ended = self.basis.license.expires_at.is_some_and(|at| at <= now);
        match subscription.state {
            SubscriptionState::Lapsed => true,
            SubscriptionState::Cancelled => ended,
            SubscriptionState::Trialing
            | SubscriptionState::Active
            | SubscriptionState::PastDue => false,
        }
    }

    fn check_machines(&self) -> Result<(), TierChangeError> {
        let (cap, used) = (self.to.max_machines, self.basis.machines.len());
        if cap > 0 && i64::try_from(used).is_ok_and(|used| used > cap) {
            return Err(TierChangeError::TooManyMachines {
                used,
                cap,
                machines: self.basis.machines.clone(),
            });
        }
        Ok(())
    }

    fn next_charge(&self, timing: ChangeTiming) -> Option<Charge> {
        let subscription = self.subscription.as_ref()?;
        let paid = subscription.paid_cycles + i64::from(timing == ChangeTiming::NewPeriod);
        self.charge_after(paid)
    }

    /// What the period after so many costs under the target; `None` if that is sold once.
    #[must_use]
    pub fn charge_after(&self, paid_cycles: i64) -> Option<Charge> {
        let terms = self.terms.as_ref()?;
        Some(terms.charge(paid_cycles + 1))
    }

    /// When a license expires that was sold once: as if it had been sold under the target
    /// from the beginning, and never earlier than now.
    fn once_until(&self, now: i64) -> Option<i64> {
        let license = &self.basis.license;
        let duration = self.to.terms().duration_seconds;
        let expires_at = license.expires_at?;
        if duration == 0 {
            return None;
        }
        let was_sold_once = self.subscription.is_none() && !self.from.is_recurring;
        let from = if was_sold_once {
            license.issued_at
        } else {
            now
        };
        Some(expires_at.max(from.saturating_add(duration)))
    }
}

impl PlannedTierChange {
    /// The currency that it is sold in.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.plan.charge.currency()
    }

    /// True if it begins a period.
    #[must_use]
    pub fn starts_period(&self) -> bool {
        self.plan.timing == ChangeTiming::NewPeriod
    }

    /// It as it is recorded, with this id.
    #[must_use]
    pub fn recorded(&self, id: String, now: i64) -> NewTierChange {
        let basis = &self.basis;
        let license = &basis.basis.license;
        let terms = basis.to.terms();
        let timing = self.plan.timing;
        let subscription = basis.subscription.as_ref();
        let paid = subscription.map_or(0, |one| one.paid_cycles);
        let charge = |charge: Charge| RecordedCharge {
            price: charge.price,
            base: charge.base.amount(),
        };
        let sold = basis.terms.as_ref();
        let worths = match (timing, sold) {
            (ChangeTiming::RunningPeriod, Some(sold)) if !self.plan.charge.is_zero() => {
                let days = proration::remaining(self.days_left, &basis.basis.cycles);
                let worth = |cycle: &proration::PaidCycle| CycleWorth {
                    number: cycle.number,
                    amount: sold.charge(cycle.number).price.amount(),
                };
                days.iter().map(|(cycle, _)| worth(cycle)).collect()
            }
            _ => Vec::new(),
        };
        let expires_at = match timing {
            ChangeTiming::Once => basis.once_until(now),
            _ => license.expires_at,
        };
        NewTierChange {
            id,
            license_id: license.id.clone(),
            subscription_id: subscription.map(|one| one.id.clone()),
            from_policy_id: license.policy_id.clone(),
            to_policy_id: basis.to.id.clone(),
            timing,
            charge: self.plan.charge,
            quoted_expires_at: license.expires_at,
            quoted_paid_cycles: subscription.map(|one| one.paid_cycles),
            effect: ChangeEffect {
                entitlements: terms.entitlements,
                max_machines: terms.max_machines,
                grace_seconds: terms.grace_seconds,
                maintenance_until: self.maintenance_until(terms.maintenance_seconds),
                is_trial: license.is_trial
                    && self.plan.charge.is_zero()
                    && timing != ChangeTiming::NextPeriod,
                extends_seconds: self.starts_period().then_some(terms.duration_seconds),
                expires_at,
                terms: sold.cloned().filter(|_| subscription.is_some()),
                worths,
                period: sold
                    .filter(|_| self.starts_period())
                    .map(|sold| charge(sold.charge(paid + 1))),
                next: self.next.map(charge),
            },
        }
    }

    /// An upgrade takes no update away: as if the license had been sold under the target from
    /// the beginning.
    fn maintenance_until(&self, seconds: Option<i64>) -> Option<i64> {
        let license = &self.basis.basis.license;
        let included = end_of_day(license.issued_at.saturating_add(seconds?));
        match (self.direction, license.maintenance_until) {
            (_, Some(until)) => Some(included.max(until)),
            (ChangeDirection::Upgrade, None) => None,
            (ChangeDirection::Downgrade, None) => Some(included),
        }
    }
}
