use super::SubscriptionChange::{
    Cancelled as Cancel, ComebackPaid, CyclePaid, Ended, GraceEnded, PeriodEnded, PeriodMoved,
    Resumed,
};
use super::SubscriptionState::{Active, Cancelled, Lapsed, PastDue, Trialing};
use super::*;
use proptest::prelude::*;

const CHANGES: [SubscriptionChange; 11] = [
    CyclePaid,
    ComebackPaid,
    PeriodEnded,
    PeriodMoved,
    GraceEnded,
    Cancel,
    Ended,
    Resumed(PaidTime::Trial),
    Resumed(PaidTime::Cycle),
    Resumed(PaidTime::Grace),
    Resumed(PaidTime::Over),
];

/// The whole table: a row for each state, a column for each of [`CHANGES`].
#[test]
fn every_change_of_every_state() {
    let table = [
        (
            Trialing,
            [
                Some(Active),
                Some(Active),
                Some(Lapsed),
                None,
                None,
                Some(Cancelled),
                Some(Cancelled),
                None,
                None,
                None,
                None,
            ],
        ),
        (
            Active,
            [
                Some(Active),
                Some(Active),
                Some(PastDue),
                None,
                None,
                Some(Cancelled),
                Some(Cancelled),
                None,
                None,
                None,
                None,
            ],
        ),
        (
            PastDue,
            [
                Some(Active),
                Some(Active),
                None,
                Some(Active),
                Some(Lapsed),
                Some(Cancelled),
                Some(Cancelled),
                None,
                None,
                None,
                None,
            ],
        ),
        (
            Cancelled,
            [
                Some(Cancelled),
                Some(Active),
                None,
                None,
                None,
                None,
                Some(Cancelled),
                Some(Trialing),
                Some(Active),
                Some(PastDue),
                None,
            ],
        ),
        (
            Lapsed,
            [
                Some(Active),
                Some(Active),
                None,
                None,
                None,
                None,
                Some(Cancelled),
                None,
                None,
                None,
                None,
            ],
        ),
    ];
    assert_eq!(table.map(|(state, _)| state), SubscriptionState::ALL);
    for (state, row) in table {
        for (change, next) in CHANGES.into_iter().zip(row) {
            let after = state.after(change);
            assert_eq!(after.ok(), next, "{state:?} {change:?}");
        }
    }
}

#[test]
fn words_read_back() {
    for state in SubscriptionState::ALL {
        assert_eq!(SubscriptionState::parse(state.as_str()), Some(state));
        let json = serde_json::to_string(&state).expect("JSON");
        assert_eq!(json, format!("{:?}", state.as_str()));
    }
    assert_eq!(SubscriptionState::parse("canceled"), None);
}

#[test]
fn a_payment_buys_the_next_period() {
    let period = 30 * DAY;
    let bought = |state, end, at| {
        let time = bought_time(state, end * DAY, period, at * DAY);
        assert_eq!(time.ends_at - time.starts_at, period);
        (time.starts_at / DAY, time.ends_at / DAY)
    };
    // Days 0 to 30 are paid.
    assert_eq!(bought(Active, 30, 28), (30, 60), "in time");
    assert_eq!(bought(Active, 30, 10), (30, 60), "early");
    assert_eq!(bought(PastDue, 30, 35), (30, 60), "in the grace");
    assert_eq!(
        bought(PastDue, 30, 60),
        (60, 90),
        "that period would be over"
    );
    assert_eq!(bought(Lapsed, 30, 50), (50, 80), "after the lapse");
    assert_eq!(
        bought(Cancelled, 30, 28),
        (30, 60),
        "paid after cancelling, in time"
    );
    assert_eq!(bought(Cancelled, 30, 31), (31, 61), "paid after the end");
    assert_eq!(bought(Trialing, 14, 10), (14, 44), "in the trial");
    assert_eq!(
        bought(Trialing, 14, 15),
        (15, 45),
        "after the trial, before the tick"
    );
}

#[test]
fn the_time_it_is_in() {
    let at = |now, grace, paid| paid_time(now, Some(100), grace, paid);
    assert_eq!(at(99, None, 0), PaidTime::Trial);
    assert_eq!(at(99, None, 1), PaidTime::Cycle);
    assert_eq!(at(100, Some(120), 1), PaidTime::Grace);
    assert_eq!(at(120, Some(120), 1), PaidTime::Over);
    assert_eq!(at(100, None, 1), PaidTime::Over);
    assert_eq!(at(100, Some(120), 0), PaidTime::Over);
    assert_eq!(paid_time(1_000, None, None, 1), PaidTime::Cycle);
}

proptest! {
    /// In any order and with any repetition of what is reported: every payment leaves the
    /// license good, no payment shortens it, and one that was cancelled costs nothing until
    /// its buyer comes back.
    #[test]
    fn no_order_of_reports_loses_a_payment(
        steps in proptest::collection::vec((0usize..11, 0i64..40), 0..60),
    ) {
        let period = 30 * DAY;
        let (mut state, mut end, mut now) = (Trialing, 14 * DAY, 0);
        for (which, days) in steps {
            now += days * DAY;
            let change = CHANGES[which];
            let Ok(next) = state.after(change) else { continue };
            if matches!(change, CyclePaid | ComebackPaid) {
                let time = bought_time(state, end, period, now);
                prop_assert!(time.ends_at > now);
                prop_assert!(time.ends_at >= end + period || time.starts_at == now);
                end = end.max(time.ends_at);
            }
            if state == Cancelled {
                let comes_back = matches!(change, ComebackPaid | Resumed(_));
                prop_assert!(next == Cancelled || comes_back);
            }
            state = next;
        }
    }
}
