//! What a subscription is sold for. A copy of it goes into the order and into the
//! subscription, so nothing that is changed, hidden or deleted later changes what was sold.

use super::DAY;
use crate::discount::Discount;
use crate::money::{Currency, Price};
use serde::{Deserialize, Serialize};

/// Longest period and trial, in days: ten years.
pub const MAX_DAYS: i64 = 3_660;
/// Longest grace, in days (Keysat contract).
pub const MAX_GRACE_DAYS: i64 = 90;
/// Grace where none is given, in days (Keysat contract), unless half a period is less.
pub const USUAL_GRACE_DAYS: i64 = 7;
/// Most cycles that a discount code can be limited to.
pub const MAX_DISCOUNT_CYCLES: i64 = 1_000;

/// How a policy repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Days that one payment buys.
    pub period_days: i64,
    /// Days before the first payment; 0 without a trial.
    pub trial_days: i64,
    /// Days after a paid cycle in which the license still validates.
    pub grace_days: i64,
}

/// Members of a policy that no subscription can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// A recurring policy without a period, or one of a length that cannot be.
    #[error(
        "renewal_period_days must be a number of days from 1 to {MAX_DAYS} for a policy with is_recurring"
    )]
    Period,
    /// A trial of a length that cannot be.
    #[error("trial_days must be a number of days from 0 (no trial) to {MAX_DAYS}")]
    Trial,
    /// A grace of a length that cannot be.
    #[error("grace_period_days must be a number of days from 0 to {MAX_GRACE_DAYS}")]
    Grace,
    /// A payment inside such a grace would buy a period that is over.
    #[error("grace_period_days must be less than renewal_period_days")]
    GraceNotShorter,
}

impl Recurrence {
    /// Checks the members of a policy. Without `grace_days` the usual one: seven days, at
    /// most half the period.
    ///
    /// # Errors
    /// The first [`RecurrenceError`] that applies.
    pub fn new(
        period_days: Option<i64>,
        trial_days: i64,
        grace_days: Option<i64>,
    ) -> Result<Self, RecurrenceError> {
        let period_days = period_days
            .filter(|days| (1..=MAX_DAYS).contains(days))
            .ok_or(RecurrenceError::Period)?;
        if !(0..=MAX_DAYS).contains(&trial_days) {
            return Err(RecurrenceError::Trial);
        }
        let grace_days = grace_days.unwrap_or(USUAL_GRACE_DAYS.min(period_days / 2));
        if !(0..=MAX_GRACE_DAYS).contains(&grace_days) {
            return Err(RecurrenceError::Grace);
        }
        if grace_days >= period_days {
            return Err(RecurrenceError::GraceNotShorter);
        }
        Ok(Self {
            period_days,
            trial_days,
            grace_days,
        })
    }
}

/// A discount on the cycles of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CycleDiscount {
    /// The code, for people.
    pub code: String,
    /// What it takes off.
    #[serde(flatten)]
    pub discount: Discount,
    /// For how many cycles; 0 for ever.
    pub cycles: i64,
    /// The policies that it is for, as it was then; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_ids: Option<Vec<String>>,
}

impl CycleDiscount {
    /// Whether it is for this policy too, at prices in this currency.
    #[must_use]
    pub fn covers(&self, policy_id: &str, currency: Currency) -> bool {
        let is_for = |ids: &Vec<String>| ids.iter().any(|id| id == policy_id);
        self.policy_ids.as_ref().is_none_or(is_for) && self.discount.is_for(currency)
    }

    /// How many cycles are left after so many were paid; `None` for ever.
    #[must_use]
    pub fn left(&self, paid_cycles: i64) -> Option<i64> {
        (self.cycles > 0).then(|| (self.cycles - paid_cycles).max(0))
    }
}

/// What a subscription was sold for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionTerms {
    /// The policy's name for people, as it was then.
    pub policy_name: String,
    /// How it repeats.
    #[serde(flatten)]
    pub recurrence: Recurrence,
    /// What the first cycle costs before any discount.
    pub first_price: Price,
    /// What each later one costs before any discount.
    pub renewal_price: Price,
    /// The discount, if one was used.
    #[serde(default)]
    pub discount: Option<CycleDiscount>,
}

/// What a cycle costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// To pay.
    pub price: Price,
    /// Before the discount.
    pub base: Price,
}

impl SubscriptionTerms {
    /// What the cycle with this number costs; 1 is the first that is paid. The order, the
    /// pages, the mails and the API all ask here.
    #[must_use]
    pub fn charge(&self, cycle: i64) -> Charge {
        let base = if cycle <= 1 {
            self.first_price
        } else {
            self.renewal_price
        };
        let discount = self.discount.as_ref();
        let holds = |one: &&CycleDiscount| one.cycles == 0 || cycle <= one.cycles;
        let price = discount
            .filter(holds)
            .map_or(base, |one| one.discount.price(base));
        Charge { price, base }
    }

    /// Seconds that one payment buys.
    #[must_use]
    pub const fn period_seconds(&self) -> i64 {
        self.recurrence.period_days * DAY
    }

    /// Seconds of grace after a paid cycle.
    #[must_use]
    pub const fn grace_seconds(&self) -> i64 {
        self.recurrence.grace_days * DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usd(cents: i64) -> Price {
        Price::new(Currency::Usd, cents).expect("a price")
    }

    fn terms(discount: Option<(Discount, i64)>) -> SubscriptionTerms {
        SubscriptionTerms {
            policy_name: "Basic".to_owned(),
            recurrence: Recurrence::new(Some(30), 0, None).expect("a recurrence"),
            first_price: usd(1_200),
            renewal_price: usd(1_000),
            discount: discount.map(|(discount, cycles)| CycleDiscount {
                code: "HALF".to_owned(),
                discount,
                cycles,
                policy_ids: None,
            }),
        }
    }

    #[test]
    fn grace_is_shorter_than_the_period() {
        let grace =
            |period, given| Recurrence::new(Some(period), 0, given).map(|one| one.grace_days);
        for (period, usual) in [(1, 0), (2, 1), (7, 3), (13, 6), (14, 7), (30, 7), (365, 7)] {
            assert_eq!(grace(period, None), Ok(usual), "{period}");
        }
        assert_eq!(grace(30, Some(29)), Ok(29));
        assert_eq!(grace(7, Some(0)), Ok(0));
        for (period, given) in [(30, 60), (30, 30), (7, 7), (1, 1), (90, 90)] {
            let refused = grace(period, Some(given)).expect_err("too long");
            assert_eq!(refused, RecurrenceError::GraceNotShorter, "{period}");
            let text = refused.to_string();
            assert!(text.contains("grace_period_days") && text.contains("renewal_period_days"));
        }
        assert_eq!(grace(365, Some(91)), Err(RecurrenceError::Grace));
        assert_eq!(grace(365, Some(-1)), Err(RecurrenceError::Grace));
        for period in [None, Some(0), Some(-30), Some(3_661)] {
            assert_eq!(
                Recurrence::new(period, 0, None),
                Err(RecurrenceError::Period)
            );
        }
        assert_eq!(
            Recurrence::new(Some(30), -1, None),
            Err(RecurrenceError::Trial)
        );
    }

    #[test]
    fn a_code_holds_for_its_cycles() {
        let charges = |discount, cycles| {
            let terms = terms(Some((discount, cycles)));
            [1, 2, 3, 4].map(|cycle| terms.charge(cycle).price.amount())
        };
        let half = Discount::Percent(5_000);
        assert_eq!(charges(half, 1), [600, 1_000, 1_000, 1_000]);
        assert_eq!(charges(half, 3), [600, 500, 500, 1_000]);
        assert_eq!(charges(half, 0), [600, 500, 500, 500]);
        assert_eq!(
            charges(Discount::Fixed(usd(500)), 2),
            [700, 500, 1_000, 1_000]
        );
        let left = |paid| {
            terms(Some((half, 3)))
                .discount
                .and_then(|one| one.left(paid))
        };
        assert_eq!(
            [left(0), left(2), left(3), left(9)],
            [Some(3), Some(1), Some(0), Some(0)]
        );
        assert_eq!(
            terms(Some((half, 0))).discount.and_then(|one| one.left(2)),
            None
        );
        assert_eq!(terms(None).charge(1).price, usd(1_200));
        assert_eq!(terms(None).charge(2).base, usd(1_000));
    }

    proptest! {
        /// What is recorded reads back, and no discount raises a price or makes it negative.
        #[test]
        fn terms_read_back(points in 0u16..=10_000, cycles in 0i64..5, cycle in 1i64..8) {
            let terms = terms(Some((Discount::Percent(points), cycles)));
            let text = serde_json::to_string(&terms).expect("JSON");
            let read: SubscriptionTerms = serde_json::from_str(&text).expect("terms");
            prop_assert_eq!(&read, &terms);
            let charge = read.charge(cycle);
            prop_assert!((0..=charge.base.amount()).contains(&charge.price.amount()));
        }
    }
}
