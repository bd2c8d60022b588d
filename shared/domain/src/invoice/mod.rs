//! The state machine of an order.
//!
//! A provider's deliveries are lost, doubled and reordered, so no delivery is trusted:
//! each one only makes us read the invoice back. What was read is a
//! [`PaymentObservation`], and [`OrderState::after`] gives the state after it. Impossible
//! transitions are rejected, so a provider that contradicts itself changes nothing and
//! is reported.

pub mod watch;

use serde::{Deserialize, Serialize};

/// Where an order stands. The words are those of `GET /v1/purchase/{id}`.
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
pub enum InvoiceOutcome {
    /// Nothing is decided yet.
    Waiting,
    /// Paid and confirmed, or marked so by the merchant.
    Settled,
    /// The time to pay is over.
    Expired,
    /// Refused, or marked so by the merchant.
    Invalid,
}

/// What a provider reported of an invoice at a time, when it was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PaymentObservation {
    /// What is decided.
    pub outcome: InvoiceOutcome,
    /// What was paid.
    pub payment: PaymentState,
}

/// What is recorded of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderState {
    /// Where it stands.
    pub status: InvoiceStatus,
    /// What was paid.
    pub payment: PaymentState,
}

/// What an observation changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderStep {
    /// What is recorded from now on.
    pub next: OrderState,
    /// What else happens, in the same batch.
    pub effect: OrderEffect,
    /// What the operator has to look at, reported once per kind and order.
    pub attention: Option<Attention>,
}

/// What changes beside the invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderEffect {
    /// Nothing.
    None,
    /// Receipt and license are made; where they exist, a license that was
    /// suspended by [`OrderEffect::Suspend`] is active again.
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

/// An observation that contradicts the recorded state; nothing is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the provider reports {reported:?} for an invoice that is {status:?}; nothing is recorded")]
pub struct ImpossibleObservation {
    /// What is recorded.
    pub status: InvoiceStatus,
    /// What the provider reported.
    pub reported: InvoiceOutcome,
}

impl OrderState {
    /// A new order.
    pub const NEW: Self = Self {
        status: InvoiceStatus::Pending,
        payment: PaymentState::Unpaid,
    };

    /// The step that an observation leads to. The same observation again changes
    /// nothing.
    ///
    /// # Errors
    /// [`ImpossibleObservation`] for a step back: an invoice that is decided is never
    /// undecided again, and one that was settled or refused does not expire.
    pub fn after(self, observed: PaymentObservation) -> Result<OrderStep, ImpossibleObservation> {
        let next = match (self.status, observed.outcome) {
            (InvoiceStatus::Pending, InvoiceOutcome::Waiting) => InvoiceStatus::Pending,
            (InvoiceStatus::Pending | InvoiceStatus::Expired, InvoiceOutcome::Expired) => {
                InvoiceStatus::Expired
            }
            (_, InvoiceOutcome::Settled) => InvoiceStatus::Settled,
            (_, InvoiceOutcome::Invalid) => InvoiceStatus::Invalid,
            (status, reported) => return Err(ImpossibleObservation { status, reported }),
        };
        let next = Self {
            status: next,
            payment: observed.payment,
        };
        Ok(OrderStep {
            next,
            effect: self.effect(next.status),
            attention: self.attention(next),
        })
    }

    fn effect(self, next: InvoiceStatus) -> OrderEffect {
        match (self.status, next) {
            (from, to) if from == to => OrderEffect::None,
            (_, InvoiceStatus::Settled) => OrderEffect::Issue,
            (InvoiceStatus::Settled, InvoiceStatus::Invalid) => OrderEffect::Suspend,
            (InvoiceStatus::Pending, _) => OrderEffect::Release,
            _ => OrderEffect::None,
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
mod tests;
