//! What a transaction's hash says of a payment to whoever asks.

use serde::{Deserialize, Serialize};

/// What became of a transfer that was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// Found, and not judged yet.
    Seen,
    /// It paid an order.
    Credited,
    /// It paid none; it is for the operator.
    Unmatched,
    /// The operator has dealt with it.
    Resolved,
    /// Its block is no longer part of the chain.
    Reorged,
}

/// Where the payments of a transaction stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStanding {
    /// None is recorded.
    Unknown,
    /// Recorded, and nothing is decided yet.
    Pending,
    /// Final, and decided.
    Confirmed,
}

/// Where a transaction stands by its transfers: one that is decided is enough,
/// and one whose block is gone counts for nothing.
#[must_use]
pub fn standing(transfers: impl IntoIterator<Item = TransferState>) -> PaymentStanding {
    let told = transfers.into_iter().map(|state| match state {
        TransferState::Credited | TransferState::Unmatched | TransferState::Resolved => {
            PaymentStanding::Confirmed
        }
        TransferState::Seen => PaymentStanding::Pending,
        TransferState::Reorged => PaymentStanding::Unknown,
    });
    told.fold(PaymentStanding::Unknown, |one, other| match (one, other) {
        (PaymentStanding::Confirmed, _) | (_, PaymentStanding::Confirmed) => {
            PaymentStanding::Confirmed
        }
        (PaymentStanding::Pending, _) | (_, PaymentStanding::Pending) => PaymentStanding::Pending,
        (PaymentStanding::Unknown, PaymentStanding::Unknown) => PaymentStanding::Unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::TransferState::{Credited, Reorged, Resolved, Seen, Unmatched};
    use super::*;

    #[test]
    fn one_decided_transfer_is_enough_and_a_vanished_one_is_none() {
        for (transfers, expected) in [
            (&[][..], PaymentStanding::Unknown),
            (&[Reorged], PaymentStanding::Unknown),
            (&[Seen], PaymentStanding::Pending),
            (&[Reorged, Seen], PaymentStanding::Pending),
            (&[Credited], PaymentStanding::Confirmed),
            (&[Unmatched], PaymentStanding::Confirmed),
            (&[Resolved], PaymentStanding::Confirmed),
            (&[Seen, Credited], PaymentStanding::Confirmed),
            (&[Unmatched, Seen, Reorged], PaymentStanding::Confirmed),
        ] {
            let told = standing(transfers.iter().copied());
            assert_eq!(told, expected, "{transfers:?}");
        }
    }
}
