//! The states of a purchase, in the words of the Keysat contract.

use serde::{Deserialize, Serialize};

/// Where a purchase stands. The words are those of `GET /v1/purchase/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Settled => "settled",
            Self::Expired => "expired",
            Self::Invalid => "invalid",
        }
    }

    /// Whether an invoice in this state may still become `next`.
    ///
    /// An expired or invalid invoice can be settled by its provider later (the
    /// merchant marks it as paid); nothing leads away from settled here.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Pending, Self::Settled | Self::Expired | Self::Invalid)
            | (Self::Expired | Self::Invalid, Self::Settled)
            | (Self::Expired, Self::Invalid) => true,
            (Self::Pending | Self::Settled | Self::Expired | Self::Invalid, _) => false,
        }
    }
}

/// What a payment provider says of an invoice, after every check that it is
/// ours and about the right amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is decided yet.
    Waiting,
    /// Paid and confirmed.
    Settled,
    /// The time to pay is over.
    Expired,
    /// Refused.
    Invalid,
}

impl Outcome {
    /// The state it leads to; `None` while waiting.
    #[must_use]
    pub fn status(self) -> Option<InvoiceStatus> {
        match self {
            Self::Waiting => None,
            Self::Settled => Some(InvoiceStatus::Settled),
            Self::Expired => Some(InvoiceStatus::Expired),
            Self::Invalid => Some(InvoiceStatus::Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::InvoiceStatus::{Expired, Invalid, Pending, Settled};

    #[test]
    fn settled_is_final_and_nothing_returns_to_pending() {
        for state in [Pending, Settled, Expired, Invalid] {
            assert!(!Settled.may_become(state));
            assert!(!state.may_become(Pending));
            assert!(!state.may_become(state));
        }
        assert!(Pending.may_become(Settled));
        assert!(
            Expired.may_become(Settled),
            "a late payment the merchant accepts"
        );
        assert!(!Invalid.may_become(Expired));
    }
}
