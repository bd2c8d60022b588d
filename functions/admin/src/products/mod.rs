//! Routes for products, one file each.

pub(crate) mod active;
mod catalog;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
mod price;
pub(crate) mod show;

use crate::text;
use keywright_web::ApiError;
use serde_json::Value;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// Longest description or JSON member, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 20_000;

pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    if name.trim().is_empty() {
        return Err(ApiError::bad_request("name: a name has some text"));
    }
    text::check("name", name, MAX_NAME_BYTES)
}

fn no_such_business() -> ApiError {
    ApiError::not_found("merchant_profile_id: there is no such business")
}

fn check_description(description: &str) -> Result<(), ApiError> {
    text::check("description", description, MAX_TEXT_BYTES)
}

pub(crate) fn check_metadata(metadata: &Value) -> Result<(), ApiError> {
    if !metadata.is_object() || metadata.to_string().len() > MAX_TEXT_BYTES {
        return Err(ApiError::bad_request(format!(
            "metadata: a JSON object of at most {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(())
}
