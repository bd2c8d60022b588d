//! `PUT /v1/admin/releases/keys/{product}`: which keys sign a product's releases.

use super::super::{product, unknown_product, write};
use super::verified;
use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::release::release_key::MAX_RELEASE_KEYS;
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::{ReleaseKey, agreement};
use keywright_domain::slug::Slug;
use keywright_store::releases::release_keys::{self, FILES_AT_ONCE, RecordedFile, Verified};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most times that recorded files are read for one request, so that it stays
/// below the 50 statements that D1 allows: 10,000 files.
const MOST_READS: usize = 20;
/// Most files that an answer names.
const MOST_NAMED: usize = 100;

/// The keys that are to stand from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseKeysInput {
    /// Public keys of minisign: the second line of a `.pub` file, or the file.
    /// To rotate, set the old and the new one, and the new one alone when what
    /// the old one signed need not be offered any more.
    #[schema(min_items = 1, max_items = 8)]
    public_keys: Vec<String>,
}

/// The keys, and what they mean for what was published before.
#[derive(Serialize, ToSchema)]
pub(crate) struct SetReleaseKeys {
    /// Slug of the product.
    product: String,
    /// The keys that stand now.
    #[schema(value_type = Vec<String>)]
    public_keys: Vec<ReleaseKey>,
    /// Whether this request changed the keys.
    changed: bool,
    /// How many files of before were found to be signed with one of the keys,
    /// and are offered.
    verified: usize,
    /// Files that none of the keys has signed: they are offered nowhere, and can
    /// be downloaded by their version. Publishing the same bytes again, signed,
    /// offers them again. At most 100 are named.
    not_offered: Vec<FileNotOffered>,
    /// How many those are, of the files that were looked at.
    not_offered_count: usize,
    /// `false` when there are more files than one request looks at: what it did
    /// not reach is not offered until it is published again.
    complete: bool,
    /// Whether the release storage shows it. `false` on a host that cannot write
    /// there: run `keywright release key set` with `--folder`.
    written: bool,
    /// Where `written` is `false`: what is offered of each version, for the
    /// `<product>/INDEX.json` of the mounted folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    index: Option<keywright_domain::release::ReleaseIndex>,
}

/// A file of a version.
#[derive(Serialize, ToSchema)]
pub(crate) struct FileNotOffered {
    /// The version.
    version: String,
    /// The file's platform.
    platform: String,
}

/// Sets the public release keys of a product
///
/// With `ADMIN_KEY` only. From then on
/// nothing is published, and nothing offered, that none of them has signed. What
/// was published before is looked at in this request.
#[utoipa::path(
    put,
    path = "/v1/admin/releases/keys/{product}",
    operation_id = "setReleaseKeys",
    tag = "releases",
    params(("product" = String, Path, description = "Slug of the product.")),
    request_body = ReleaseKeysInput,
    responses(
        (status = 200, description = "The keys, and what was found.", body = SetReleaseKeys),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    slug: Result<Path<String>, PathRejection>,
    new: Result<Json<ReleaseKeysInput>, ApiError>,
) -> Result<Json<SetReleaseKeys>, ApiError> {
    let Path(slug) = slug.map_err(|_| ApiError::not_found("there is no such product"))?;
    let Json(new) = new?;
    let slug = product(&slug)?;
    let keys = checked(&new.public_keys)?;
    let found = release_keys::find(&ports.database, &slug).await?;
    let found = found.ok_or_else(|| unknown_product(&slug))?;
    // Before the keys stand, so that no feed is without its files in between. By
    // itself it changes nothing: what it notes counts while the key stands.
    let seen = look(&ports, &slug, &found.product_id, &keys).await?;
    let audit_id = ports.stamps.new_id();
    let set = release_keys::set(&ports.database, &actor, &slug, &keys, &audit_id).await?;
    let (now, changed) = set.ok_or_else(|| unknown_product(&slug))?;
    let written = write::manifests(&ports, &slug).await?;
    let not_offered = seen.unsigned.iter().take(MOST_NAMED);
    Ok(Json(SetReleaseKeys {
        public_keys: now.keys,
        changed,
        verified: seen.verified,
        not_offered: not_offered
            .map(|file| FileNotOffered {
                version: file.version.to_string(),
                platform: file.artifact.platform.to_string(),
            })
            .collect(),
        not_offered_count: seen.unsigned.len(),
        complete: seen.complete,
        index: write::index_unless(&ports, &slug, written).await?,
        written,
        product: slug.into(),
    }))
}

/// What was found out about recorded files.
struct FileReview {
    verified: usize,
    unsigned: Vec<RecordedFile>,
    complete: bool,
}

/// Verifies the recorded files that no one of these keys has verified so far.
async fn look(
    ports: &Ports,
    product: &Slug,
    product_id: &str,
    keys: &[ReleaseKey],
) -> Result<FileReview, ApiError> {
    let mut seen = FileReview {
        verified: 0,
        unsigned: Vec::new(),
        complete: false,
    };
    let mut after: Option<RecordedFile> = None;
    for _ in 0..MOST_READS {
        let files =
            release_keys::unsigned(&ports.database, product_id, keys, after.as_ref()).await?;
        let is_last = i64::try_from(files.len()).is_ok_and(|count| count < FILES_AT_ONCE);
        after = files.last().cloned();
        let mut good = Vec::new();
        for file in files {
            match verify(product, keys, &file) {
                Some(key) => good.push(Verified {
                    release_id: file.release_id,
                    platform: file.artifact.platform.to_string(),
                    signature: file.artifact.signature,
                    verified_by: key,
                }),
                None => seen.unsigned.push(file),
            }
        }
        seen.verified += good.len();
        if !good.is_empty() {
            release_keys::note(&ports.database, &good).await?;
        }
        if is_last {
            seen.complete = true;
            break;
        }
    }
    Ok(seen)
}

/// The key that signed a recorded file as what it is recorded as.
fn verify(product: &Slug, keys: &[ReleaseKey], file: &RecordedFile) -> Option<ReleaseKey> {
    agreement::check(product, &file.version, file.channel, &file.artifact).ok()?;
    let signature = DetachedSignature::parse(&file.artifact.signature).ok()?;
    verified(keys, &signature).ok()
}

fn checked(texts: &[String]) -> Result<Vec<ReleaseKey>, ApiError> {
    if !(1..=MAX_RELEASE_KEYS).contains(&texts.len()) {
        return Err(ApiError::bad_request(format!(
            "public_keys must have 1 to {MAX_RELEASE_KEYS} keys"
        )));
    }
    let mut keys: Vec<ReleaseKey> = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let bad = |error: &dyn std::fmt::Display| {
            ApiError::bad_request(format!("public_keys[{at}] {error}"))
        };
        let key = super::super::release_key(text).map_err(|error| bad(&error))?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}
