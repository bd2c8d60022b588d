//! The times of a license that an operator sets.

use crate::text;
use keywright_domain::dates::parse_end_of_day;
use keywright_web::ApiError;

/// Reads the last day of included updates; answers its last second.
pub(super) fn last_day(text: &str) -> Result<i64, ApiError> {
    parse_end_of_day(text)
        .map_err(|_| ApiError::bad_request("maintenance_until must be a day like 2027-01-31"))
}

/// Reads an expiry. The first second of 1970 is none: a key has that value for
/// "never" (LIC1 v2, offset 42).
pub(super) fn expiry(text: &str) -> Result<i64, ApiError> {
    let at = text::time("expires_at", text)?;
    if at == 0 {
        return Err(ApiError::bad_request(
            "expires_at must be after 1970-01-01T00:00:00Z",
        ));
    }
    Ok(at)
}
