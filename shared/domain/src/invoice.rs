//! A purchase as a state machine.
//!
//! A provider's deliveries are lost, doubled and reordered, so none of them is
//! believed: each one only makes us read the invoice back, and what was read is
//! a [`Sighting`]. [`Purchase::on`] says what a sighting does to what is
//! recorded. It refuses what no provider does, so that a provider that
//! contradicts itself changes nothing and is reported.

pub mod watch;

use serde::{Deserialize, Serialize};

/// Where a purchase stands. The words are those of `GET /v1/purchase/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InvoiceStatus {
    /// Waiting for the payment.
    Pending,
    /// Paid; a receipt exists.
    Settled,
    /// The time to pay is over.
    Expired,
    /// The provider refused the invoice or its payment.
    Invalid,
}

impl InvoiceStatus {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Settled => "settled",
            Self::Expired => "expired",
            Self::Invalid => "invalid",
        }
    }

    /// Whether an invoice in this state may still become `next`.
    ///
    /// An expired or invalid invoice is settled later when the merchant marks
    /// it as paid; a settled one becomes invalid when the merchant marks it so.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Pending, Self::Settled | Self::Expired | Self::Invalid)
                | (Self::Expired | Self::Invalid, Self::Settled)
                | (Self::Expired | Self::Settled, Self::Invalid)
        )
    }
}

/// What was paid, as the provider sees it. Finer than the status: it tells a
/// buyer what to do and the operator what to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nothing.
    Unpaid,
    /// The whole price, not confirmed yet.
    Processing,
    /// Less than the price.
    Underpaid,
    /// The price.
    Paid,
    /// More than the price.
    Overpaid,
    /// The price, after the time to pay was over. It never settles by itself:
    /// the merchant marks it, or sends it back.
    PaidLate,
}

impl PaymentState {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unpaid => "unpaid",
            Self::Processing => "processing",
            Self::Underpaid => "underpaid",
            Self::Paid => "paid",
            Self::Overpaid => "overpaid",
            Self::PaidLate => "paid_late",
        }
    }
}

/// What a payment provider says of an invoice, after every check that it is
/// ours and about the right amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Nothing is decided yet.
    Waiting,
    /// Paid and confirmed, or marked so by the merchant.
    Settled,
    /// The time to pay is over.
    Expired,
    /// Refused, or marked so by the merchant.
    Invalid,
}

/// An invoice as it was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// What is decided.
    pub outcome: Outcome,
    /// What was paid.
    pub payment: PaymentState,
}

/// What is recorded of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Purchase {
    /// Where it stands.
    pub status: InvoiceStatus,
    /// What was paid.
    pub payment: PaymentState,
}

/// What a sighting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is recorded from now on.
    pub next: Purchase,
    /// What else happens, in the same batch.
    pub effect: Effect,
    /// What the operator is told of, once per kind and purchase.
    pub attention: Option<Attention>,
}

/// What changes beside the invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Receipt and license are made; where they exist, a license that was
    /// suspended by [`Effect::Suspend`] is active again.
    Issue,
    /// The use of a discount code is given back.
    Release,
    /// The license is suspended, with the reason.
    Suspend,
}

/// What an operator has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attention {
    /// Less than the price came in and the time is over: ask for the rest or
    /// send it back.
    Underpaid,
    /// The price came in too late: mark it as settled at the provider, or send
    /// it back.
    PaidLate,
    /// More than the price came in: the license is issued, the rest may be
    /// sent back.
    Overpaid,
    /// Something was paid and the provider calls the invoice invalid.
    PaidInvalid,
    /// A settled invoice became invalid: the license is suspended.
    Withdrawn,
}

impl Attention {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Underpaid => "underpaid",
            Self::PaidLate => "paid_late",
            Self::Overpaid => "overpaid",
            Self::PaidInvalid => "paid_invalid",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A sighting that no purchase in this state can have; nothing is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider says {seen:?} of an invoice that is {status:?}; nothing is recorded")]
pub struct Illegal {
    /// What is recorded.
    pub status: InvoiceStatus,
    /// What was said.
    pub seen: Outcome,
}

impl Purchase {
    /// A purchase as it begins.
    pub const NEW: Self = Self {
        status: InvoiceStatus::Pending,
        payment: PaymentState::Unpaid,
    };

    /// What a sighting does to it. The same sighting twice does nothing the
    /// second time.
    ///
    /// # Errors
    /// [`Illegal`] for a step back: an invoice that is decided is never
    /// undecided again, and one that was settled or refused does not expire.
    pub fn on(self, seen: Sighting) -> Result<Step, Illegal> {
        let next = match (self.status, seen.outcome) {
            (InvoiceStatus::Pending, Outcome::Waiting) => InvoiceStatus::Pending,
            (InvoiceStatus::Pending | InvoiceStatus::Expired, Outcome::Expired) => {
                InvoiceStatus::Expired
            }
            (_, Outcome::Settled) => InvoiceStatus::Settled,
            (_, Outcome::Invalid) => InvoiceStatus::Invalid,
            (status, seen) => return Err(Illegal { status, seen }),
        };
        let next = Self {
            status: next,
            payment: seen.payment,
        };
        Ok(Step {
            next,
            effect: self.effect(next.status),
            attention: self.attention(next),
        })
    }

    fn effect(self, next: InvoiceStatus) -> Effect {
        match (self.status, next) {
            (from, to) if from == to => Effect::None,
            (_, InvoiceStatus::Settled) => Effect::Issue,
            (InvoiceStatus::Settled, InvoiceStatus::Invalid) => Effect::Suspend,
            (InvoiceStatus::Pending, _) => Effect::Release,
            _ => Effect::None,
        }
    }

    fn attention(self, next: Self) -> Option<Attention> {
        let attention = match (next.status, next.payment) {
            (InvoiceStatus::Invalid, _) if self.status == InvoiceStatus::Settled => {
                Attention::Withdrawn
            }
            (InvoiceStatus::Expired, PaymentState::Underpaid) => Attention::Underpaid,
            (InvoiceStatus::Expired, PaymentState::PaidLate) => Attention::PaidLate,
            (InvoiceStatus::Settled, PaymentState::Overpaid) => Attention::Overpaid,
            (InvoiceStatus::Invalid, payment) if payment != PaymentState::Unpaid => {
                Attention::PaidInvalid
            }
            _ => return None,
        };
        (self != next).then_some(attention)
    }
}

#[cfg(test)]
mod tests {
    use super::InvoiceStatus::{Expired, Invalid, Pending, Settled};
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    const STATES: [InvoiceStatus; 4] = [Pending, Settled, Expired, Invalid];
    const OUTCOMES: [Outcome; 4] = [
        Outcome::Waiting,
        Outcome::Settled,
        Outcome::Expired,
        Outcome::Invalid,
    ];

    fn seen(outcome: Outcome, payment: PaymentState) -> Sighting {
        Sighting { outcome, payment }
    }

    #[test]
    fn every_pair_of_state_and_outcome() {
        use Effect::{Issue, None, Release, Suspend};
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
                let purchase = Purchase {
                    status,
                    payment: PaymentState::Unpaid,
                };
                let step = purchase.on(seen(outcome, PaymentState::Unpaid));
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
                    let purchase = Purchase {
                        status: from,
                        payment: PaymentState::Unpaid,
                    };
                    let step = purchase.on(seen(outcome, PaymentState::Unpaid));
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
            (Pending, Unpaid, Outcome::Expired, Unpaid, None),
            (
                Pending,
                Underpaid,
                Outcome::Expired,
                Underpaid,
                Some(Attention::Underpaid),
            ),
            (
                Expired,
                Unpaid,
                Outcome::Expired,
                PaidLate,
                Some(Attention::PaidLate),
            ),
            (
                Expired,
                Underpaid,
                Outcome::Expired,
                PaidLate,
                Some(Attention::PaidLate),
            ),
            (Pending, Processing, Outcome::Settled, Paid, None),
            (
                Pending,
                Processing,
                Outcome::Settled,
                Overpaid,
                Some(Attention::Overpaid),
            ),
            (
                Pending,
                Processing,
                Outcome::Invalid,
                Paid,
                Some(Attention::PaidInvalid),
            ),
            (Pending, Unpaid, Outcome::Invalid, Unpaid, None),
            (
                Settled,
                Paid,
                Outcome::Invalid,
                Paid,
                Some(Attention::Withdrawn),
            ),
            (
                Settled,
                Unpaid,
                Outcome::Invalid,
                Unpaid,
                Some(Attention::Withdrawn),
            ),
        ] {
            let step = Purchase { status, payment }
                .on(seen(outcome, paid))
                .expect("a step");
            assert_eq!(step.attention, attention, "{status:?} {outcome:?} {paid:?}");
            let again = step.next.on(seen(outcome, paid)).expect("the same again");
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
                Self::Expired | Self::ExpiredPartial => {
                    &[Self::PaidLate, Self::Settled, Self::Invalid]
                }
                Self::PaidLate => &[Self::Settled, Self::Invalid],
                Self::Invalid => &[Self::Settled],
            }
        }

        fn sighting(self) -> Sighting {
            let (outcome, payment) = match self {
                Self::New => (Outcome::Waiting, PaymentState::Unpaid),
                Self::Partial => (Outcome::Waiting, PaymentState::Underpaid),
                Self::Processing => (Outcome::Waiting, PaymentState::Processing),
                Self::Settled => (Outcome::Settled, PaymentState::Paid),
                Self::Expired => (Outcome::Expired, PaymentState::Unpaid),
                Self::ExpiredPartial => (Outcome::Expired, PaymentState::Underpaid),
                Self::PaidLate => (Outcome::Expired, PaymentState::PaidLate),
                Self::Invalid => (Outcome::Invalid, PaymentState::Paid),
            };
            Sighting { outcome, payment }
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
        fn any_deliveries_lead_to_what_is_true(history in history(), reads in prop::collection::vec(any::<Index>(), 0..20)) {
            let mut moments: Vec<usize> = reads.iter().map(|read| read.index(history.len())).collect();
            moments.sort_unstable();
            // The reconciler's last word.
            moments.push(history.len() - 1);
            let mut purchase = Purchase::NEW;
            let (mut licensed, mut suspended, mut reserved) = (false, false, true);
            for moment in moments {
                let Ok(step) = purchase.on(history[moment].sighting()) else {
                    prop_assert!(false, "{purchase:?} and {:?}", history[moment]);
                    return Ok(());
                };
                match step.effect {
                    Effect::Issue => (licensed, suspended) = (true, false),
                    Effect::Suspend => {
                        prop_assert!(licensed);
                        suspended = true;
                    }
                    Effect::Release => {
                        prop_assert!(reserved, "given back once");
                        reserved = false;
                    }
                    Effect::None => {}
                }
                purchase = step.next;
            }
            let truth = history[history.len() - 1];
            prop_assert_eq!(licensed && !suspended, truth == Remote::Settled);
            prop_assert_eq!(purchase.payment, truth.sighting().payment);
        }

        /// A sighting that comes again changes nothing.
        #[test]
        fn the_same_again_does_nothing(history in history()) {
            let mut purchase = Purchase::NEW;
            for remote in history {
                let Ok(step) = purchase.on(remote.sighting()) else { continue };
                let again = step.next.on(remote.sighting());
                prop_assert_eq!(again, Ok(Step { next: step.next, effect: Effect::None, attention: None }));
                purchase = step.next;
            }
        }

        /// Whatever is said, in any order: never two steps from settled to
        /// anything but invalid, and what is refused changes nothing.
        #[test]
        fn contradictions_are_refused(said in prop::collection::vec(0usize..4, 0..20)) {
            let mut purchase = Purchase::NEW;
            for outcome in said {
                let before = purchase.status;
                if let Ok(step) = purchase.on(seen(OUTCOMES[outcome], PaymentState::Paid)) {
                    purchase = step.next;
                    prop_assert!(before == purchase.status || before.may_become(purchase.status));
                }
                prop_assert!(before == Pending || purchase.status != Pending);
            }
        }
    }
}
