//! Routes for products, one file each.

pub(crate) mod active;
mod catalog;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
mod price;
pub(crate) mod show;

use crate::text::{self, MAX_TEXT_BYTES};
use keywright_store::catalog::product_change::ProductRefusal;
use keywright_web::ApiError;

fn no_such_business() -> ApiError {
    ApiError::not_found("there is no business with this merchant_profile_id")
}

fn check_description(description: &str) -> Result<(), ApiError> {
    text::check("description", description, MAX_TEXT_BYTES)
}

/// The answer to a change that the database refused.
fn refused(refusal: ProductRefusal) -> ApiError {
    match refusal {
        ProductRefusal::CurrencyInUse => ApiError::conflict(
            "price_currency cannot be changed while a policy of the product has a price of its own or an active discount code has an amount in the current currency; remove those prices (price_sats_override: null) and disable those codes first",
        ),
        ProductRefusal::NoSuchMerchantProfile => no_such_business(),
    }
}
