use super::*;
use crate::discount::Discount;
use crate::subscription::terms::{CycleDiscount, Recurrence};
use ChangeDirection::{Downgrade, Upgrade};
use ChangeTiming::{NewPeriod, NextPeriod, Once, RunningPeriod};
use proptest::prelude::*;

fn usd(cents: i64) -> Price {
    Price::new(Currency::Usd, cents).expect("a price")
}

fn terms(cents: i64, period_days: i64, half_off: bool) -> SubscriptionTerms {
    SubscriptionTerms {
        policy_name: "Pro".to_owned(),
        recurrence: Recurrence::new(Some(period_days), 0, None).expect("a recurrence"),
        first_price: usd(cents),
        renewal_price: usd(cents),
        discount: half_off.then(|| CycleDiscount {
            code: "HALF".to_owned(),
            discount: Discount::Percent(5_000),
            cycles: 0,
            policy_ids: None,
        }),
    }
}

fn cycle(number: i64, cents: i64) -> PaidCycle {
    PaidCycle {
        number,
        price: usd(cents),
        days: 30,
    }
}

fn running(days_left: i64, cycles: &[PaidCycle]) -> PaidSoFar<'_> {
    PaidSoFar::Period {
        days_left,
        cycles,
        paid_cycles: cycles.first().map_or(0, |one| one.number),
    }
}

fn planned(
    way: ChangeDirection,
    paid: PaidSoFar<'_>,
    to: &SubscriptionTerms,
) -> (ChangeTiming, i64) {
    let target = ChangeTarget {
        price: to.first_price,
        terms: Some(to),
    };
    let plan = plan(way, paid, target).expect("a plan");
    (plan.timing, plan.charge.amount())
}

#[test]
fn the_difference_is_for_the_days_that_are_left() {
    let pro = terms(3_000, 30, false);
    for (days, from, to, charge) in [
        (15, 1_000, &pro, 1_000),
        (15, 800, &pro, 1_100),
        (15, 500, &pro, 1_250),
        (15, 500, &terms(3_000, 30, true), 500),
        (30, 1_000, &pro, 2_000),
        (1, 1_000, &pro, 66),
        (28, 1_000, &pro, 1_866),
    ] {
        let paid = [cycle(1, from)];
        let plan = planned(Upgrade, running(days, &paid), to);
        assert_eq!(plan, (RunningPeriod, charge), "{days} {from}");
    }
}

#[test]
fn days_paid_ahead_count() {
    let pro = terms(3_000, 30, false);
    let paid = [cycle(2, 1_000), cycle(1, 1_000)];
    assert_eq!(
        planned(Upgrade, running(33, &paid), &pro),
        (RunningPeriod, 2_200)
    );
    // The first was sold with a code, the second is not.
    let paid = [cycle(2, 1_000), cycle(1, 500)];
    assert_eq!(
        planned(Upgrade, running(33, &paid), &pro),
        (RunningPeriod, 2_250)
    );
    // Ten days that support gave cost as much as the running ones.
    let paid = [cycle(1, 1_000)];
    assert_eq!(
        planned(Upgrade, running(40, &paid), &pro),
        (RunningPeriod, 2_666)
    );
}

#[test]
fn a_trial_has_nothing_to_deduct() {
    let pro = terms(3_000, 30, false);
    assert_eq!(planned(Upgrade, running(10, &[]), &pro), (NewPeriod, 3_000));
    assert_eq!(planned(Downgrade, running(10, &[]), &pro), (NextPeriod, 0));
}

#[test]
fn another_period_is_paid_in_full_less_the_unused_days() {
    let year = terms(10_000, 365, false);
    let paid = [cycle(1, 1_000)];
    assert_eq!(
        planned(Upgrade, running(15, &paid), &year),
        (NewPeriod, 9_500)
    );
    assert_eq!(
        planned(Upgrade, running(0, &paid), &year),
        (NewPeriod, 10_000)
    );
    let cheap = terms(400, 365, false);
    assert_eq!(
        planned(Upgrade, running(15, &paid), &cheap),
        (NextPeriod, 0)
    );
    let ended = PaidSoFar::NothingRunning { paid_cycles: 4 };
    assert_eq!(planned(Upgrade, ended, &year), (NewPeriod, 10_000));
}

#[test]
fn what_costs_nothing_now_waits() {
    let pro = terms(3_000, 30, false);
    let paid = [cycle(1, 1_000)];
    let ten_hours = whole_days(0, 10 * 3_600);
    assert_eq!(
        planned(Upgrade, running(ten_hours, &paid), &pro),
        (NextPeriod, 0)
    );
    assert_eq!(
        planned(
            Downgrade,
            running(15, &[cycle(1, 3_000)]),
            &terms(1_000, 30, false)
        ),
        (NextPeriod, 0)
    );
    assert_eq!(
        planned(Upgrade, running(15, &[cycle(1, 4_000)]), &pro),
        (NextPeriod, 0)
    );
}

#[test]
fn what_is_sold_once_costs_the_difference() {
    let once = |price| ChangeTarget { price, terms: None };
    let charge = |paid, to| plan(Upgrade, PaidSoFar::Once(paid), once(to)).map(|one| one.charge);
    assert_eq!(charge(usd(1_000), usd(3_000)), Ok(usd(2_000)));
    assert_eq!(charge(usd(0), usd(3_000)), Ok(usd(3_000)));
    assert_eq!(charge(usd(3_500), usd(3_000)), Ok(usd(0)));
    let paid = [cycle(1, 1_000)];
    let for_ever = plan(Upgrade, running(15, &paid), once(usd(9_000)));
    let for_ever = for_ever.map(|one| (one.timing, one.charge));
    assert_eq!(for_ever, Ok((Once, usd(8_500))), "not a share of it");
}

#[test]
fn what_cannot_be_changed_says_why() {
    let sats = Price::new(Currency::Sat, 40_000).expect("a price");
    let once = |price| ChangeTarget { price, terms: None };
    let pro = terms(3_000, 30, false);
    let period = ChangeTarget {
        price: usd(3_000),
        terms: Some(&pro),
    };
    let paid = [cycle(1, 1_000)];
    let mixed = plan(Upgrade, running(15, &paid), once(sats));
    assert_eq!(
        mixed,
        Err(ChangeRefusal::Currencies(Currency::Usd, Currency::Sat))
    );
    let text = mixed.expect_err("a refusal").to_string();
    assert!(text.contains("USD") && text.contains("SAT"), "{text}");
    let mixed = plan(Upgrade, PaidSoFar::Once(sats), once(usd(1)));
    assert_eq!(
        mixed,
        Err(ChangeRefusal::Currencies(Currency::Sat, Currency::Usd))
    );
    let sold = PaidSoFar::Once(usd(1_000));
    assert_eq!(
        plan(Downgrade, sold, once(usd(1))),
        Err(ChangeRefusal::OnceDowngrade)
    );
    assert_eq!(
        plan(Upgrade, sold, period),
        Err(ChangeRefusal::OnceToPeriod)
    );
    let down = plan(Downgrade, running(15, &paid), once(usd(1)));
    assert_eq!(down, Err(ChangeRefusal::PeriodToOnceDowngrade));
    for (from, to, expected) in [
        (Some(1), Some(2), Ok(Upgrade)),
        (Some(2), Some(0), Ok(Downgrade)),
        (Some(2), Some(2), Err(ChangeRefusal::EqualRank)),
        (None, Some(2), Err(ChangeRefusal::NoRank("current"))),
        (Some(2), None, Err(ChangeRefusal::NoRank("target"))),
    ] {
        assert_eq!(direction(from, to), expected, "{from:?} {to:?}");
    }
}

/// 2028-02-29 and the hour that is left out in spring are seconds like all others.
#[test]
fn days_are_whole_and_have_86400_seconds() {
    for (seconds, days) in [
        (-1, 0),
        (0, 0),
        (86_399, 0),
        (86_400, 1),
        (30 * DAY, 30),
        (30 * DAY - 1, 29),
    ] {
        for now in [0, 1_835_308_800, 1_800_000_000] {
            assert_eq!(whole_days(now, now + seconds), days, "{seconds}");
        }
    }
}

proptest! {
    /// However somebody climbs, in so many steps, the days cost at least what they cost in
    /// one step, but for the fraction of a cent that each step rounds off.
    #[test]
    fn no_way_up_is_cheaper(
        days in 1i64..=60,
        mut rungs in prop::collection::vec(0i64..=MAX, 2..6),
    ) {
        rungs.sort_unstable();
        let (first, last) = (rungs[0], rungs[rungs.len() - 1]);
        let charge = |from: i64, to: i64| {
            planned(Upgrade, running(days, &[cycle(2, from), cycle(1, from)]), &terms(to, 30, false)).1
        };
        let whole = charge(first, last);
        let steps: i64 = rungs.windows(2).map(|pair| charge(pair[0], pair[1])).sum();
        let rounded = i64::try_from(rungs.len()).expect("few");
        prop_assert!(steps <= whole && steps > whole - rounded, "{steps} {whole}");
    }

    /// Down and up again is never cheaper than having stayed, because a downgrade waits for
    /// the next period and pays nothing back.
    #[test]
    fn down_and_up_gains_nothing(days in 0i64..=60, high in 0i64..=MAX, low in 0i64..=MAX) {
        let (high, low) = (high.max(low), high.min(low));
        let paid = [cycle(2, high), cycle(1, high)];
        let down = planned(Downgrade, running(days, &paid), &terms(low, 30, false));
        prop_assert_eq!(down, (NextPeriod, 0));
        let up = planned(Upgrade, running(days, &paid), &terms(high, 30, false));
        prop_assert_eq!(up, (NextPeriod, 0));
    }

    /// Never negative, and never more than the target costs for those days.
    #[test]
    fn a_charge_is_within_bounds(
        days in -5i64..=400,
        from in 0i64..=MAX,
        to in 0i64..=MAX,
        period in 1i64..=3_660,
    ) {
        let paid = [cycle(1, from)];
        let (timing, charge) = planned(Upgrade, running(days, &paid), &terms(to, period, false));
        prop_assert!(charge >= 0);
        let most = if timing == NewPeriod { to } else { to * days.max(0) / 30 };
        prop_assert!(charge <= most, "{charge} {most}");
        let moved = planned(Upgrade, running(days, &paid), &terms(to, period, false));
        prop_assert_eq!(moved, (timing, charge));
    }
}

const MAX: i64 = 100_000_000;
