//! The rule of the sign function: which recorded license may be signed.
//!
//! A license is signed only if it is active and has a genuine receipt for its own product,
//! and that receipt stands for a settled invoice or for an operator's grant.

use crate::invoice::InvoiceStatus;
use crate::standing::LicenseStatus;

/// What a receipt is a proof of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptKind {
    /// A settled invoice of a `BTCPay` Server.
    Btcpay,
    /// A settled invoice of Zaprite.
    Zaprite,
    /// A confirmed transfer of USDC on Polygon.
    Polygon,
    /// An order with nothing to pay.
    Free,
    /// A license that an operator issued; the only kind without an invoice.
    Grant,
    /// A kind that a newer version of this software recorded.
    Unknown,
}

impl ReceiptKind {
    /// Every kind that this version records.
    pub const ALL: [Self; 5] = [
        Self::Btcpay,
        Self::Zaprite,
        Self::Polygon,
        Self::Free,
        Self::Grant,
    ];

    /// The word in the database and under the seal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Btcpay => "btcpay",
            Self::Zaprite => "zaprite",
            Self::Polygon => "polygon",
            Self::Free => "free",
            Self::Grant => "grant",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word in the database.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .unwrap_or(Self::Unknown)
    }

    /// True for a kind that money was received for.
    #[must_use]
    pub const fn is_paid(self) -> bool {
        !matches!(self, Self::Free | Self::Grant)
    }
}

/// The state of a receipt's seals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealState {
    /// Sealed with the newest key.
    Sealed,
    /// Sealed only with one of the older keys.
    SealedByOlderKey,
    /// It has seals, all of them by keys that are not configured.
    UnknownKey,
    /// It has no seal.
    Unsealed,
    /// A seal by a configured key contradicts it: the receipt, its license or the seal
    /// was changed.
    Broken,
}

impl SealState {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::SealedByOlderKey => "sealed_by_older_key",
            Self::UnknownKey => "unknown_key",
            Self::Unsealed => "unsealed",
            Self::Broken => "broken",
        }
    }
}

/// What is recorded of a license that is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct SignableRecord<'a> {
    /// The product of the license.
    pub product_id: &'a str,
    /// The state of the license.
    pub status: LicenseStatus,
    /// Its receipt, if it has one.
    pub receipt: Option<SignableReceipt<'a>>,
}

/// The receipt of a license that is to be signed.
#[derive(Debug, Clone, Copy)]
pub struct SignableReceipt<'a> {
    /// What it is a proof of.
    pub kind: ReceiptKind,
    /// The product that it is for.
    pub product_id: &'a str,
    /// The state of its seals.
    pub seal: SealState,
    /// The state of its invoice, if it has one.
    pub invoice: Option<InvoiceStatus>,
}

/// Why a license must not be signed. The texts are for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSignable {
    /// It has no receipt.
    #[error("the license has no receipt")]
    NoReceipt,
    /// Its receipt is for another product.
    #[error("the receipt is for another product")]
    OtherProduct,
    /// The operator has to seal its receipt first.
    #[error(
        "the receipt has no seal; after an upgrade or a change of RECEIPT_KEYS run: keywright \
         receipts seal; a receipt that is still not sealed then was not written by Keywright"
    )]
    Unsealed,
    /// The operator has to seal its receipt again, or to configure the key.
    #[error(
        "the receipt is sealed only by keys that are not in RECEIPT_KEYS; after an upgrade or a \
         change of RECEIPT_KEYS run: keywright receipts seal; a receipt that is still not sealed \
         then was not written by Keywright"
    )]
    UnknownSealKey,
    /// Its receipt was tampered with.
    #[error("the receipt, its license or its seal was changed in the database")]
    BrokenSeal,
    /// Its receipt proves no payment: the invoice is not settled, or is missing.
    #[error("the receipt's invoice is not settled")]
    NotSettled,
    /// It is suspended, revoked, or in a state that this version does not know.
    #[error("the license is not active")]
    NotActive,
}

/// Decides whether a license may be signed, as it is recorded.
///
/// # Errors
/// The first reason that applies, in the order of [`NotSignable`].
pub fn may_sign(record: &SignableRecord<'_>) -> Result<(), NotSignable> {
    let receipt = record.receipt.ok_or(NotSignable::NoReceipt)?;
    if receipt.product_id != record.product_id {
        return Err(NotSignable::OtherProduct);
    }
    match receipt.seal {
        SealState::Sealed | SealState::SealedByOlderKey => {}
        SealState::Unsealed => return Err(NotSignable::Unsealed),
        SealState::UnknownKey => return Err(NotSignable::UnknownSealKey),
        SealState::Broken => return Err(NotSignable::BrokenSeal),
    }
    match (receipt.kind, receipt.invoice) {
        (_, Some(InvoiceStatus::Settled)) | (ReceiptKind::Grant, None) => {}
        (_, Some(InvoiceStatus::Pending | InvoiceStatus::Expired | InvoiceStatus::Invalid))
        | (
            ReceiptKind::Btcpay
            | ReceiptKind::Zaprite
            | ReceiptKind::Polygon
            | ReceiptKind::Free
            | ReceiptKind::Unknown,
            None,
        ) => return Err(NotSignable::NotSettled),
    }
    match record.status {
        LicenseStatus::Active => Ok(()),
        LicenseStatus::Suspended | LicenseStatus::Revoked | LicenseStatus::Unknown => {
            Err(NotSignable::NotActive)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [LicenseStatus; 4] = [
        LicenseStatus::Active,
        LicenseStatus::Suspended,
        LicenseStatus::Revoked,
        LicenseStatus::Unknown,
    ];
    const KINDS: [ReceiptKind; 6] = [
        ReceiptKind::Btcpay,
        ReceiptKind::Zaprite,
        ReceiptKind::Polygon,
        ReceiptKind::Free,
        ReceiptKind::Grant,
        ReceiptKind::Unknown,
    ];
    const SEALS: [SealState; 5] = [
        SealState::Sealed,
        SealState::SealedByOlderKey,
        SealState::UnknownKey,
        SealState::Unsealed,
        SealState::Broken,
    ];
    const INVOICES: [Option<InvoiceStatus>; 5] = [
        None,
        Some(InvoiceStatus::Pending),
        Some(InvoiceStatus::Settled),
        Some(InvoiceStatus::Expired),
        Some(InvoiceStatus::Invalid),
    ];

    fn record(status: LicenseStatus, receipt: Option<SignableReceipt<'_>>) -> SignableRecord<'_> {
        SignableRecord {
            product_id: "demo",
            status,
            receipt,
        }
    }

    /// Every receipt of a license, under every combination of what it says.
    fn receipts() -> Vec<SignableReceipt<'static>> {
        let mut receipts = Vec::new();
        for kind in KINDS {
            for product_id in ["demo", "other"] {
                for seal in SEALS {
                    for invoice in INVOICES {
                        receipts.push(SignableReceipt {
                            kind,
                            product_id,
                            seal,
                            invoice,
                        });
                    }
                }
            }
        }
        receipts
    }

    /// What must not be signed, one dimension at a time, and what is left of the 1,200
    /// combinations: 2 seals, 6 kinds with a settled invoice and a grant without one.
    #[test]
    fn every_combination() {
        let mut signable = Vec::new();
        for status in STATUSES {
            let none = may_sign(&record(status, None));
            assert_eq!(none, Err(NotSignable::NoReceipt), "{status:?}");
            for receipt in receipts() {
                let decision = may_sign(&record(status, Some(receipt)));
                if decision.is_ok() {
                    signable.push((status, receipt));
                }
                let refused = |expected| {
                    assert_eq!(decision, Err(expected), "{status:?} {receipt:?}");
                };
                match (receipt.product_id, receipt.seal, receipt.invoice) {
                    ("other", _, _) => refused(NotSignable::OtherProduct),
                    (_, SealState::Unsealed, _) => refused(NotSignable::Unsealed),
                    (_, SealState::UnknownKey, _) => refused(NotSignable::UnknownSealKey),
                    (_, SealState::Broken, _) => refused(NotSignable::BrokenSeal),
                    (_, _, Some(InvoiceStatus::Settled)) => {}
                    (_, _, None) if receipt.kind == ReceiptKind::Grant => {}
                    _ => refused(NotSignable::NotSettled),
                }
            }
        }
        assert_eq!(signable.len(), 2 * (6 + 1));
        for (status, receipt) in signable {
            assert_eq!(status, LicenseStatus::Active);
            assert_eq!(receipt.product_id, "demo");
        }
    }

    #[test]
    fn a_license_that_is_not_active_is_refused() {
        for receipt in [
            (ReceiptKind::Btcpay, Some(InvoiceStatus::Settled)),
            (ReceiptKind::Grant, None),
        ]
        .map(|(kind, invoice)| SignableReceipt {
            kind,
            product_id: "demo",
            seal: SealState::Sealed,
            invoice,
        }) {
            for (status, expected) in [
                (LicenseStatus::Active, Ok(())),
                (LicenseStatus::Suspended, Err(NotSignable::NotActive)),
                (LicenseStatus::Revoked, Err(NotSignable::NotActive)),
                (LicenseStatus::Unknown, Err(NotSignable::NotActive)),
            ] {
                assert_eq!(may_sign(&record(status, Some(receipt))), expected);
            }
        }
    }

    #[test]
    fn words_of_kinds_are_read_back() {
        for kind in ReceiptKind::ALL {
            assert_eq!(ReceiptKind::parse(kind.as_str()), kind);
        }
        for word in ["", "Grant", "grant ", "stripe", "unknown"] {
            assert_eq!(ReceiptKind::parse(word), ReceiptKind::Unknown, "{word}");
        }
    }
}
