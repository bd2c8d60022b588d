//! Every pair of state and outcome, and random histories of an invoice.

use super::InvoiceStatus::{Expired, Invalid, Pending, Settled};
use super::*;
use proptest::prelude::*;
use proptest::sample::Index;

const STATES: [InvoiceStatus; 4] = [Pending, Settled, Expired, Invalid];
const OUTCOMES: [InvoiceOutcome; 4] = [
    InvoiceOutcome::Waiting,
    InvoiceOutcome::Settled,
    InvoiceOutcome::Expired,
    InvoiceOutcome::Invalid,
];

fn seen(outcome: InvoiceOutcome, payment: PaymentState) -> PaymentObservation {
    PaymentObservation { outcome, payment }
}

#[test]
fn every_pair_of_state_and_outcome() {
    use OrderEffect::{Issue, None, Release, Suspend};
    let refused = Option::None;
    #[rustfmt::skip]
    let table = [
        //           Waiting                 Settled                 Expired                   Invalid
        (Pending, [Some((Pending, None)), Some((Settled, Issue)), Some((Expired, Release)), Some((Invalid, Release))]),
        (Settled, [refused,               Some((Settled, None)),  refused,                  Some((Invalid, Suspend))]),
        (Expired, [refused,               Some((Settled, Issue)), Some((Expired, None)),    Some((Invalid, None))]),
        (Invalid, [refused,               Some((Settled, Issue)), refused,                  Some((Invalid, None))]),
    ];
    for (status, row) in table {
        for (outcome, expected) in OUTCOMES.into_iter().zip(row) {
            let purchase = OrderState {
                status,
                payment: PaymentState::Unpaid,
            };
            let step = purchase.after(seen(outcome, PaymentState::Unpaid));
            let found = step.ok().map(|step| (step.next.status, step.effect));
            assert_eq!(found, expected, "{status:?} {outcome:?}");
            if let Some((next, _)) = expected {
                assert!(status == next || status.may_become(next));
            }
        }
    }
}

#[test]
fn may_become_is_what_a_step_does() {
    for from in STATES {
        for to in STATES {
            let step = OUTCOMES.into_iter().any(|outcome| {
                let purchase = OrderState {
                    status: from,
                    payment: PaymentState::Unpaid,
                };
                let step = purchase.after(seen(outcome, PaymentState::Unpaid));
                from != to && step.is_ok_and(|step| step.next.status == to)
            });
            assert_eq!(from.may_become(to), step, "{from:?} {to:?}");
        }
    }
}

#[test]
fn money_that_needs_somebody_is_reported_once() {
    use PaymentState::{Overpaid, Paid, PaidLate, Processing, Underpaid, Unpaid};
    for (status, payment, outcome, paid, attention) in [
        (Pending, Unpaid, InvoiceOutcome::Expired, Unpaid, None),
        (
            Pending,
            Underpaid,
            InvoiceOutcome::Expired,
            Underpaid,
            Some(Attention::Underpaid),
        ),
        (
            Expired,
            Unpaid,
            InvoiceOutcome::Expired,
            PaidLate,
            Some(Attention::PaidLate),
        ),
        (
            Expired,
            Underpaid,
            InvoiceOutcome::Expired,
            PaidLate,
            Some(Attention::PaidLate),
        ),
        (Pending, Processing, InvoiceOutcome::Settled, Paid, None),
        (
            Pending,
            Processing,
            InvoiceOutcome::Settled,
            Overpaid,
            Some(Attention::Overpaid),
        ),
        (
            Pending,
            Processing,
            InvoiceOutcome::Invalid,
            Paid,
            Some(Attention::PaidInvalid),
        ),
        (Pending, Unpaid, InvoiceOutcome::Invalid, Unpaid, None),
        (
            Settled,
            Paid,
            InvoiceOutcome::Invalid,
            Paid,
            Some(Attention::Withdrawn),
        ),
        (
            Settled,
            Unpaid,
            InvoiceOutcome::Invalid,
            Unpaid,
            Some(Attention::Withdrawn),
        ),
    ] {
        let step = OrderState { status, payment }
            .after(seen(outcome, paid))
            .expect("a step");
        assert_eq!(step.attention, attention, "{status:?} {outcome:?} {paid:?}");
        let again = step
            .next
            .after(seen(outcome, paid))
            .expect("the same again");
        assert_eq!(again.attention, None);
    }
}

/// What `BTCPay` can go through: its own states, and where each leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remote {
    New,
    Partial,
    Processing,
    Settled,
    Expired,
    ExpiredPartial,
    PaidLate,
    Invalid,
}

impl Remote {
    fn next(self) -> &'static [Self] {
        match self {
            Self::New => &[
                Self::Partial,
                Self::Processing,
                Self::Settled,
                Self::Expired,
                Self::Invalid,
            ],
            Self::Partial => &[Self::Processing, Self::ExpiredPartial, Self::Invalid],
            // A payment that is replaced by another vanishes.
            Self::Processing => &[Self::Settled, Self::Invalid, Self::New],
            Self::Settled => &[Self::Invalid],
            Self::Expired | Self::ExpiredPartial => &[Self::PaidLate, Self::Settled, Self::Invalid],
            Self::PaidLate => &[Self::Settled, Self::Invalid],
            Self::Invalid => &[Self::Settled],
        }
    }

    fn observation(self) -> PaymentObservation {
        let (outcome, payment) = match self {
            Self::New => (InvoiceOutcome::Waiting, PaymentState::Unpaid),
            Self::Partial => (InvoiceOutcome::Waiting, PaymentState::Underpaid),
            Self::Processing => (InvoiceOutcome::Waiting, PaymentState::Processing),
            Self::Settled => (InvoiceOutcome::Settled, PaymentState::Paid),
            Self::Expired => (InvoiceOutcome::Expired, PaymentState::Unpaid),
            Self::ExpiredPartial => (InvoiceOutcome::Expired, PaymentState::Underpaid),
            Self::PaidLate => (InvoiceOutcome::Expired, PaymentState::PaidLate),
            Self::Invalid => (InvoiceOutcome::Invalid, PaymentState::Paid),
        };
        PaymentObservation { outcome, payment }
    }
}

/// A life of an invoice at `BTCPay`.
fn history() -> impl Strategy<Value = Vec<Remote>> {
    prop::collection::vec(any::<Index>(), 0..8).prop_map(|choices| {
        let mut history = vec![Remote::New];
        for choice in choices {
            let last = history[history.len() - 1];
            history.push(*choice.get(last.next()));
        }
        history
    })
}

proptest! {
    /// Deliveries in any order, any number of times: each reads the state
    /// of the moment, so what is read only moves forward.
    #[test]
    fn any_deliveries_lead_to_the_last_state(history in history(), reads in prop::collection::vec(any::<Index>(), 0..20)) {
        let mut moments: Vec<usize> = reads.iter().map(|read| read.index(history.len())).collect();
        moments.sort_unstable();
        // The reconciler's last word.
        moments.push(history.len() - 1);
        let mut purchase = OrderState::NEW;
        let (mut licensed, mut suspended, mut reserved) = (false, false, true);
        for moment in moments {
            let Ok(step) = purchase.after(history[moment].observation()) else {
                prop_assert!(false, "{purchase:?} and {:?}", history[moment]);
                return Ok(());
            };
            match step.effect {
                OrderEffect::Issue => (licensed, suspended) = (true, false),
                OrderEffect::Suspend => {
                    prop_assert!(licensed);
                    suspended = true;
                }
                OrderEffect::Release => {
                    prop_assert!(reserved, "given back once");
                    reserved = false;
                }
                OrderEffect::None => {}
            }
            purchase = step.next;
        }
        let truth = history[history.len() - 1];
        prop_assert_eq!(licensed && !suspended, truth == Remote::Settled);
        prop_assert_eq!(purchase.payment, truth.observation().payment);
    }

    /// An observation that comes again changes nothing.
    #[test]
    fn the_same_again_does_nothing(history in history()) {
        let mut purchase = OrderState::NEW;
        for remote in history {
            let Ok(step) = purchase.after(remote.observation()) else { continue };
            let again = step.next.after(remote.observation());
            prop_assert_eq!(again, Ok(OrderStep { next: step.next, effect: OrderEffect::None, attention: None }));
            purchase = step.next;
        }
    }

    /// Whatever is said, in any order: never two steps from settled to
    /// anything but invalid, and what is refused changes nothing.
    #[test]
    fn contradictions_are_refused(said in prop::collection::vec(0usize..4, 0..20)) {
        let mut purchase = OrderState::NEW;
        for outcome in said {
            let before = purchase.status;
            if let Ok(step) = purchase.after(seen(OUTCOMES[outcome], PaymentState::Paid)) {
                purchase = step.next;
                prop_assert!(before == purchase.status || before.may_become(purchase.status));
            }
            prop_assert!(before == Pending || purchase.status != Pending);
        }
    }
}
