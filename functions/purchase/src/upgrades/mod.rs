//! Another policy for a license that is there: what it costs, and where to pay.

pub(crate) mod quote;
pub(crate) mod upgrade;

use keywright_services::tier_change::TierChangeError;
use keywright_web::ApiError;

/// The answer to a holder whose change is not planned.
pub(crate) fn refused(error: TierChangeError) -> ApiError {
    let text = error.to_string();
    match error {
        TierChangeError::UnknownLicense | TierChangeError::NotActive => {
            ApiError::unauthorized(format!("license_key: {text}"))
        }
        TierChangeError::UnknownPolicy => ApiError::not_found(text),
        TierChangeError::TooManyMachines { machines, .. } => {
            let names = machines.iter().map(|one| match &one.hostname {
                Some(hostname) => format!("{hostname} ({})", one.id),
                None => one.id.clone(),
            });
            let names: Vec<String> = names.collect();
            ApiError::conflict(format!("{text}: {}", names.join(", ")))
        }
        TierChangeError::Unreadable(reason) => ApiError::internal(reason),
        TierChangeError::Database(error) => error.into(),
        TierChangeError::NoPolicy
        | TierChangeError::OtherProduct
        | TierChangeError::SamePolicy
        | TierChangeError::NotOnSale
        | TierChangeError::Expired
        | TierChangeError::Refused(_) => ApiError::bad_request(text),
    }
}
