//! Routes for releases, one file each. The database is the authority; the
//! manifests in the release storage are written from it ([`write`]).

mod advice;
pub(crate) mod change;
pub(crate) mod gate;
mod index;
pub(crate) mod installer;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod publish;
mod view;
mod write;

use crate::text::{self, check_metadata};
use keywright_domain::release::{Channel, ReleaseKey, Version};
use keywright_domain::slug::Slug;
use keywright_domain::terms::check_entitlements;
use keywright_license::PublicKey;
use keywright_web::ApiError;
use serde_json::{Map, Value};

/// Longest notes of a release, in bytes.
const MAX_NOTES_BYTES: usize = 50_000;

pub(crate) fn product(slug: &str) -> Result<Slug, ApiError> {
    Slug::parse(slug).map_err(|error| ApiError::bad_request(format!("product {error}")))
}

pub(crate) fn unknown_product(product: &Slug) -> ApiError {
    ApiError::not_found(format!(
        "there is no product {product}; create it with POST /v1/admin/products"
    ))
}

/// A release key that can verify something.
fn release_key(text: &str) -> Result<ReleaseKey, String> {
    let key: ReleaseKey = text.parse().map_err(|error| format!("{error}"))?;
    PublicKey::from_bytes(key.bytes)
        .map_err(|_| "must be a good Ed25519 key; this one is not".to_owned())?;
    Ok(key)
}

fn check_notes(notes: &str) -> Result<(), ApiError> {
    text::check("notes", notes, MAX_NOTES_BYTES)
}

fn check_entitlement(entitlement: &str) -> Result<(), ApiError> {
    check_entitlements(std::slice::from_ref(&entitlement.to_owned())).map_err(|_| {
        ApiError::bad_request(
            "requires_entitlement must be 1 to 255 printable ASCII characters without spaces",
        )
    })
}

fn metadata(metadata: Value) -> Result<Map<String, Value>, ApiError> {
    check_metadata(&metadata)?;
    match metadata {
        Value::Object(members) => Ok(members),
        _ => Err(ApiError::bad_request("metadata must be a JSON object")),
    }
}

fn rollout(percent: u8) -> Result<u8, ApiError> {
    if percent > 100 {
        return Err(ApiError::bad_request(
            "rollout_percent must be a whole number from 0 to 100",
        ));
    }
    Ok(percent)
}

/// A pre-release is not stable.
fn on_channel(version: &Version, channel: Channel) -> Result<(), ApiError> {
    if version.is_prerelease() && channel == Channel::Stable {
        return Err(ApiError::bad_request(format!(
            "channel must be rc, beta, alpha or dev: {version} is a pre-release"
        )));
    }
    Ok(())
}
