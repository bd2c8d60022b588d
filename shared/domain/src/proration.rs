//! What a change of policy costs, and when it takes effect.
//!
//! The price of an upgrade is the difference between what the running, paid days were sold
//! for and what the target costs for exactly those days. A trial has paid for nothing, so
//! nothing is deducted. Days are whole days of 86,400 seconds.

use crate::money::{Currency, Price};
use crate::subscription::DAY;
use crate::subscription::terms::SubscriptionTerms;

/// Which way a change goes on the ladder of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeDirection {
    /// To a higher rank.
    Upgrade,
    /// To a lower one.
    Downgrade,
}

impl ChangeDirection {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
        }
    }
}

/// When a change takes effect, and for which time it is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeTiming {
    /// At once, for the days that are left. The paid time stays as it is.
    RunningPeriod,
    /// At once, and a period of the target begins.
    NewPeriod,
    /// At once, for a license that is sold once.
    Once,
    /// With the next period that is paid. It costs nothing now.
    NextPeriod,
}

impl ChangeTiming {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunningPeriod => "running_period",
            Self::NewPeriod => "new_period",
            Self::Once => "once",
            Self::NextPeriod => "next_period",
        }
    }
}

/// A paid cycle whose days have not all passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidCycle {
    /// 1 is the first that was paid.
    pub number: i64,
    /// What a whole period of its remaining days was sold for.
    pub price: Price,
    /// Whole days that its payment bought: one period.
    pub days: i64,
}

/// What was paid for a license so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaidSoFar<'a> {
    /// It was sold once, for this: the sale and every upgrade since.
    Once(Price),
    /// It is paid by the period.
    Period {
        /// Whole days until the paid time is over.
        days_left: i64,
        /// Its paid cycles, newest first. Empty in a trial.
        cycles: &'a [PaidCycle],
        /// The number of the newest paid cycle; 0 in a trial.
        paid_cycles: i64,
    },
    /// It is paid by the period, and its time is over, or it never had a subscription.
    NothingRunning {
        /// The number of the newest paid cycle.
        paid_cycles: i64,
    },
}

/// The policy that a license changes to.
#[derive(Debug, Clone, Copy)]
pub struct ChangeTarget<'a> {
    /// What a license under it costs that is sold once.
    pub price: Price,
    /// What a subscription to it is sold for, with the code if that covers it; `None` for a
    /// policy that is sold once.
    pub terms: Option<&'a SubscriptionTerms>,
}

/// What a change costs now, and when it takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangePlan {
    /// When it takes effect.
    pub timing: ChangeTiming,
    /// To pay now.
    pub charge: Price,
}

/// A change that is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// A policy is outside the ladder.
    #[error("the {0} policy has no tier_rank, so it cannot be upgraded from or to")]
    NoRank(&'static str),
    /// Neither is higher.
    #[error("both policies have the same tier_rank, so neither is an upgrade of the other")]
    EqualRank,
    /// What was sold once is kept.
    #[error("a license that was sold once cannot be downgraded")]
    OnceDowngrade,
    /// The same for the other way round.
    #[error("a subscription cannot be downgraded to a policy that is sold once")]
    PeriodToOnceDowngrade,
    /// A license for ever would end.
    #[error("a license that was sold once cannot become one that is paid by the period")]
    OnceToPeriod,
    /// Amounts of different currencies are never subtracted.
    #[error("the license was sold in {0} and the target policy is sold in {1}; buy it separately")]
    Currencies(Currency, Currency),
}

/// Which way a change from one rank to another goes.
///
/// # Errors
/// [`ChangeRefusal::NoRank`] and [`ChangeRefusal::EqualRank`].
pub fn direction(from: Option<i64>, to: Option<i64>) -> Result<ChangeDirection, ChangeRefusal> {
    let from = from.ok_or(ChangeRefusal::NoRank("current"))?;
    let to = to.ok_or(ChangeRefusal::NoRank("target"))?;
    match to.cmp(&from) {
        std::cmp::Ordering::Greater => Ok(ChangeDirection::Upgrade),
        std::cmp::Ordering::Less => Ok(ChangeDirection::Downgrade),
        std::cmp::Ordering::Equal => Err(ChangeRefusal::EqualRank),
    }
}

/// Whole days from `now` until `end`, both in unix seconds.
#[must_use]
pub const fn whole_days(now: i64, end: i64) -> i64 {
    let seconds = end.saturating_sub(now);
    if seconds > 0 { seconds / DAY } else { 0 }
}

/// Plans a change.
///
/// # Errors
/// [`ChangeRefusal`] for a change that cannot be priced, or that the contract does not have.
pub fn plan(
    direction: ChangeDirection,
    paid: PaidSoFar<'_>,
    target: ChangeTarget<'_>,
) -> Result<ChangePlan, ChangeRefusal> {
    match (paid, target.terms) {
        (PaidSoFar::Once(_), _) if direction == ChangeDirection::Downgrade => {
            Err(ChangeRefusal::OnceDowngrade)
        }
        (PaidSoFar::Once(_), Some(_)) => Err(ChangeRefusal::OnceToPeriod),
        (PaidSoFar::Once(paid), None) => {
            let charge = difference(target.price, paid)?;
            Ok(ChangePlan {
                timing: ChangeTiming::Once,
                charge,
            })
        }
        (_, None) if direction == ChangeDirection::Downgrade => {
            Err(ChangeRefusal::PeriodToOnceDowngrade)
        }
        (PaidSoFar::NothingRunning { .. }, None) => Ok(ChangePlan {
            timing: ChangeTiming::Once,
            charge: target.price,
        }),
        (PaidSoFar::NothingRunning { paid_cycles }, Some(terms)) => Ok(ChangePlan {
            timing: ChangeTiming::NewPeriod,
            charge: terms.charge(paid_cycles + 1).price,
        }),
        (
            PaidSoFar::Period {
                days_left,
                cycles,
                paid_cycles,
            },
            terms,
        ) => {
            let next = terms.map_or(target.price, |terms| terms.charge(paid_cycles + 1).price);
            let free = Price::free(next.currency());
            for cycle in cycles {
                difference(free, cycle.price)?;
            }
            let days = remaining(days_left, cycles);
            let is_same = |period: i64| {
                let running = days.iter().map(|(cycle, _)| cycle);
                let mut all = running.chain(cycles.first());
                paid_cycles > 0 && all.all(|cycle| cycle.days == period)
            };
            Ok(match terms {
                Some(_) if direction == ChangeDirection::Downgrade => ChangePlan {
                    timing: ChangeTiming::NextPeriod,
                    charge: free,
                },
                Some(terms) if is_same(terms.recurrence.period_days) => {
                    let each = days.iter().map(|(cycle, days)| {
                        let to = terms.charge(cycle.number).price;
                        i128::from(to.amount() - cycle.price.amount()) * i128::from(*days)
                    });
                    let charge = whole(each.sum(), terms.recurrence.period_days);
                    now_or_next(free, charge, ChangeTiming::RunningPeriod)
                }
                terms => {
                    let timing = match terms {
                        Some(_) => ChangeTiming::NewPeriod,
                        None => ChangeTiming::Once,
                    };
                    now_or_next(free, next.less(credit(&days)).amount(), timing)
                }
            })
        }
    }
}

/// A change that costs nothing now waits for the next period.
fn now_or_next(free: Price, charge: i64, timing: ChangeTiming) -> ChangePlan {
    let charge = Price::new(free.currency(), charge).unwrap_or(free);
    ChangePlan {
        timing: match timing {
            ChangeTiming::Once => ChangeTiming::Once,
            _ if charge.is_zero() => ChangeTiming::NextPeriod,
            timing => timing,
        },
        charge,
    }
}

fn difference(to: Price, from: Price) -> Result<Price, ChangeRefusal> {
    if to.currency() == from.currency() {
        Ok(to.less(from.amount()))
    } else {
        Err(ChangeRefusal::Currencies(from.currency(), to.currency()))
    }
}

/// How many of the days that are left belong to which cycle: the newest comes last in time.
/// Days that the operator gave on top count like those of the oldest cycle that is there.
#[must_use]
pub fn remaining(days_left: i64, newest_first: &[PaidCycle]) -> Vec<(PaidCycle, i64)> {
    let mut left = days_left.max(0);
    let mut days = Vec::new();
    for (place, cycle) in newest_first.iter().enumerate() {
        let is_last = place + 1 == newest_first.len();
        let own = if is_last {
            left
        } else {
            cycle.days.clamp(0, left)
        };
        if own > 0 {
            days.push((*cycle, own));
        }
        left -= own;
    }
    days
}

/// What the unused days were sold for, rounded down for each cycle.
#[must_use]
pub fn credit(days: &[(PaidCycle, i64)]) -> i64 {
    let each = days.iter().map(|(cycle, days)| {
        let sum = i128::from(cycle.price.amount()) * i128::from(*days);
        whole(sum, cycle.days)
    });
    each.fold(0, i64::saturating_add)
}

/// This many parts of a period, rounded down, never negative.
fn whole(parts: i128, period_days: i64) -> i64 {
    let whole = parts / i128::from(period_days.max(1));
    i64::try_from(whole.max(0)).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "proration_tests.rs"]
mod tests;
