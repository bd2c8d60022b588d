//! `POST /v1/admin/releases/uploads`: begins an upload, or says how far it is.

use super::digest::RunningDigest;
use super::{KEEP_SECONDS, MOST_PARTS, PART_BYTES, UploadView, writer};
use crate::releases::{product, unknown_product};
use crate::{Operator, Ports};
use keywright_domain::release::manifest::content_key;
use keywright_domain::release::statement::Sha256Hex;
use keywright_domain::slug::Slug;
use keywright_ports::ReleaseWriter;
use keywright_store::catalog::products;
use keywright_store::operator::audit::Actor;
use keywright_store::releases::uploads::{self, Upload};
use keywright_web::openapi::{
    AccessRefusals, BodyRefusals, Conflict, Failures, NoReleaseStorage, Unknown,
};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// The file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadInput {
    /// Slug of the product.
    product: String,
    /// SHA-256 of the whole file, in hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    /// Its size in bytes, at most 10000 parts.
    #[schema(minimum = 1, maximum = 83_886_080_000_i64)]
    size: i64,
}

/// Begins the upload of a release file, or says how far it is. Sending the
/// same again goes on where an interrupted upload stopped, whoever began it.
/// `complete` without an `id`: the file is stored already. Send the parts to
/// `PUT /v1/admin/releases/uploads/{id}`. An upload is kept for six days.
#[utoipa::path(
    post,
    path = "/v1/admin/releases/uploads",
    operation_id = "startUpload",
    tag = "releases",
    request_body = UploadInput,
    responses(
        (status = 200, description = "How far it is.", body = UploadView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, NoReleaseStorage, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    new: Result<Json<UploadInput>, ApiError>,
) -> Result<Json<UploadView>, ApiError> {
    let Json(new) = new?;
    let slug = product(&new.product)?;
    let sha256 = Sha256Hex::try_from(new.sha256)
        .map_err(|error| ApiError::bad_request(format!("sha256 {error}")))?;
    if !(1..=PART_BYTES * MOST_PARTS).contains(&new.size) {
        return Err(ApiError::bad_request(format!(
            "size must be from 1 to {} bytes",
            PART_BYTES * MOST_PARTS
        )));
    }
    let writer = writer(&ports)?;
    if let Some(stored) = writer.size(&content_key(&slug, &sha256)).await? {
        return already(stored, new.size);
    }
    if products::find(&ports.database, slug.as_str())
        .await?
        .is_none()
    {
        return Err(unknown_product(&slug));
    }
    if let Some(begun) = uploads::find(&ports.database, &slug, &sha256).await? {
        let is_old = begun.created_at < actor.at - KEEP_SECONDS;
        // Complete, and yet not stored: somebody has removed the file.
        if !is_old && begun.size == new.size && begun.completed_at.is_none() {
            return Ok(Json(begun.into()));
        }
        forget(&ports, writer, &begun).await?;
    }
    for old in uploads::begun_before(&ports.database, actor.at - KEEP_SECONDS).await? {
        forget(&ports, writer, &old).await?;
    }
    begin(&ports, &actor, writer, slug, sha256, new.size).await
}

fn already(stored: u64, size: i64) -> Result<Json<UploadView>, ApiError> {
    if i64::try_from(stored) != Ok(size) {
        return Err(ApiError::conflict(format!(
            "size must be {stored}, the size of the file with this SHA-256"
        )));
    }
    Ok(Json(UploadView::stored(size)))
}

async fn begin(
    ports: &Ports,
    actor: &Actor,
    writer: &ReleaseWriter,
    product: Slug,
    sha256: Sha256Hex,
    size: i64,
) -> Result<Json<UploadView>, ApiError> {
    let key = content_key(&product, &sha256);
    let upload = Upload {
        id: ports.stamps.new_id(),
        product,
        sha256,
        size,
        received: 0,
        storage_ref: writer.begin(&key).await?,
        parts: Vec::new(),
        hash_state: RunningDigest::new().state(),
        completed_at: None,
        created_at: actor.at,
    };
    let audit_id = ports.stamps.new_id();
    let begun = uploads::begin(&ports.database, actor, &upload, audit_id).await?;
    if begun.as_ref().is_none_or(|begun| begun.id != upload.id) {
        // Somebody else was faster; nothing is in ours.
        writer.abort(&key, &upload.storage_ref).await?;
    }
    let begun = begun.ok_or_else(|| unknown_product(&upload.product))?;
    if begun.size != size {
        return Err(ApiError::conflict(
            "size must be that of the upload of the same file which is in progress",
        ));
    }
    Ok(Json(begun.into()))
}

/// Forgets an upload that will not go on. That the storage forgot it before is
/// no obstacle.
async fn forget(ports: &Ports, writer: &ReleaseWriter, upload: &Upload) -> Result<(), ApiError> {
    let key = content_key(&upload.product, &upload.sha256);
    if upload.completed_at.is_none() {
        let _ = writer.abort(&key, &upload.storage_ref).await;
    }
    uploads::forget(&ports.database, &upload.id).await?;
    Ok(())
}
