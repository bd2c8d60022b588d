//! Finding licenses by what a buyer has: what both ways of asking share.

use super::view::{LicensePage, answer};
use crate::text::present;
use keywright_domain::pasted::Pasted;
use keywright_license::LicenseKey;
use keywright_ports::Database;
use keywright_store::licenses::license_list::{self, Filter};
use keywright_web::{ApiError, List};
use serde::Deserialize;
use utoipa::ToSchema;

/// What a buyer has; all that is given has to fit.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LicenseSearch {
    /// The address it is for; case does not matter.
    pub(super) buyer_email: Option<String>,
    /// The purchase: our invoice id, or the payment provider's.
    #[schema(value_type = Option<String>)]
    pub(super) invoice_id: Option<Pasted>,
    /// Its id.
    #[schema(value_type = Option<String>)]
    pub(super) license_id: Option<Pasted>,
    /// A `LIC1-…` key. Only its license id is looked at: the signature is not
    /// checked, so a key that is found here need not be a good one.
    pub(super) key: Option<String>,
}

/// The page of licenses that fit all terms.
pub(super) async fn find<F>(
    database: &Database,
    search: LicenseSearch,
    list: &List<F>,
) -> Result<LicensePage, ApiError> {
    let key_license_id = present(search.key)
        .map(|key| license_in(&key))
        .transpose()?;
    let filter = Filter {
        buyer_email: present(search.buyer_email),
        invoice_id: search.invoice_id.and_then(Pasted::id),
        license_id: search.license_id.and_then(Pasted::id),
        key_license_id,
        ..Filter::default()
    };
    let given = [
        &filter.buyer_email,
        &filter.invoice_id,
        &filter.license_id,
        &filter.key_license_id,
    ];
    if given.into_iter().all(Option::is_none) {
        return Err(ApiError::bad_request(
            "send buyer_email, invoice_id or license_id; or send key in the body of a POST",
        ));
    }
    let rows = license_list::page(database, &filter, &list.page).await?;
    Ok(answer(list, rows))
}

/// The license that a key names. The signature is not checked.
fn license_in(key: &str) -> Result<String, ApiError> {
    let key = LicenseKey::parse(key).map_err(|error| {
        ApiError::bad_request(format!("key must be a whole license key: {error}"))
    })?;
    Ok(key.unverified_payload().license_id().to_string())
}
