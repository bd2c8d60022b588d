//! Why a key or a machine is not accepted, in the words of the contract.

use keywright_domain::seats::SeatRefusal;
use keywright_domain::standing::Refusal;
use keywright_license::LicenseError;
use serde::Serialize;
use utoipa::ToSchema;

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RefusalReason)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited,
    /// The text is not a license key.
    BadFormat,
    /// The key was not signed by this vendor.
    BadSignature,
    /// No such license is recorded.
    NotFound,
    /// The license was ended for good.
    Revoked,
    /// The license is held back for now.
    Suspended,
    /// The license is in a state that this version does not know.
    InvalidState,
    /// The license is for another product.
    ProductMismatch,
    /// Expiry and grace are over.
    Expired,
    /// The license or the key belongs to another machine.
    FingerprintMismatch,
    /// Every seat is taken.
    TooManyMachines,
    /// The seats have changed hands too often in the last 24 hours.
    TooManyActivations,
}

impl Reason {
    /// The word on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::BadFormat => "bad_format",
            Self::BadSignature => "bad_signature",
            Self::NotFound => "not_found",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::InvalidState => "invalid_state",
            Self::ProductMismatch => "product_mismatch",
            Self::Expired => "expired",
            Self::FingerprintMismatch => "fingerprint_mismatch",
            Self::TooManyMachines => "too_many_machines",
            Self::TooManyActivations => "too_many_activations",
        }
    }
}

impl From<LicenseError> for Reason {
    fn from(error: LicenseError) -> Self {
        match error {
            LicenseError::BadSignature => Self::BadSignature,
            _ => Self::BadFormat,
        }
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Revoked => Self::Revoked,
            Refusal::Suspended => Self::Suspended,
            Refusal::InvalidState => Self::InvalidState,
            Refusal::ProductMismatch => Self::ProductMismatch,
            Refusal::Expired => Self::Expired,
        }
    }
}

impl From<SeatRefusal> for Reason {
    fn from(refusal: SeatRefusal) -> Self {
        match refusal {
            SeatRefusal::FingerprintMismatch => Self::FingerprintMismatch,
            SeatRefusal::TooManyMachines => Self::TooManyMachines,
            SeatRefusal::TooManyActivations => Self::TooManyActivations,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_words_of_the_wire() {
        for reason in [
            Reason::RateLimited,
            Reason::BadFormat,
            Reason::BadSignature,
            Reason::NotFound,
            Reason::Revoked,
            Reason::Suspended,
            Reason::InvalidState,
            Reason::ProductMismatch,
            Reason::Expired,
            Reason::FingerprintMismatch,
            Reason::TooManyMachines,
            Reason::TooManyActivations,
        ] {
            let wire = serde_json::to_value(reason).expect("JSON");
            assert_eq!(wire, reason.as_str());
        }
    }
}
