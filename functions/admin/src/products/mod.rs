//! Routes for products, one file each.

pub(crate) mod active;
pub(crate) mod change;
pub(crate) mod create;

use keywright_edge::http::ApiError;
use serde_json::Value;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 200;
/// Longest description or JSON member, in bytes.
const MAX_TEXT_BYTES: usize = 20_000;

pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    if name.trim().is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(ApiError::bad_request(format!(
            "name: 1 to {MAX_NAME_BYTES} bytes of text"
        )));
    }
    Ok(())
}

pub(crate) fn check_description(description: &str) -> Result<(), ApiError> {
    if description.len() > MAX_TEXT_BYTES {
        return Err(ApiError::bad_request(format!(
            "description: longer than {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(())
}

pub(crate) fn check_metadata(metadata: &Value) -> Result<(), ApiError> {
    if !metadata.is_object() || metadata.to_string().len() > MAX_TEXT_BYTES {
        return Err(ApiError::bad_request(format!(
            "metadata: a JSON object of at most {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(())
}

/// A catalogue is a list of `{slug, name, description}`.
fn check_catalog(catalog: &Value) -> Result<(), ApiError> {
    let entry = |entry: &Value| entry["slug"].is_string() && entry["name"].is_string();
    let fits = catalog.to_string().len() <= MAX_TEXT_BYTES;
    if fits
        && catalog
            .as_array()
            .is_some_and(|entries| entries.iter().all(entry))
    {
        return Ok(());
    }
    Err(ApiError::bad_request(
        "entitlements_catalog: a list of objects with slug, name and description",
    ))
}
