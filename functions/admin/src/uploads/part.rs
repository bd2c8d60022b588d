//! `PUT /v1/admin/releases/uploads/{id}`: the next part of an upload.

use super::digest::RunningDigest;
use super::{PART_BYTES, UploadView, writer};
use crate::Ports;
use crate::ids::UploadId;
use axum::body::Body;
use axum::extract::State;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;
use keywright_domain::release::manifest::content_key;
use keywright_ports::{ReleaseWriteError, ReleaseWriter};
use keywright_store::releases::uploads::{self, Upload};
use keywright_web::openapi::{
    AccessRefusals, BadQuery, Conflict, Error, Failures, NoReleaseStorage, Unknown,
};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadPartQuery {
    /// Where the part begins: `offset` of the upload.
    #[param(minimum = 0)]
    offset: i64,
}

/// How a part may be refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "a description")]
pub(crate) enum PartRefusals {
    /// The body is longer than the part.
    #[response(status = 413)]
    TooLarge(Error),
    /// The file is whole and its SHA-256 is another one: `digest_mismatch`.
    /// The upload is forgotten.
    #[response(status = 422)]
    Digest(Error),
}

/// Stores the next part of an upload. It has `part_size` bytes, or what is
/// left of the file. A part that does not begin at the upload's `offset` is not taken;
/// the answer says where to go on, so that sending a part again does no harm.
/// With the last part the digest is compared, and the file is stored. 409: two
/// uploads of the same file were in each other's way; begin again.
#[utoipa::path(
    put,
    path = "/v1/admin/releases/uploads/{id}",
    operation_id = "uploadPart",
    tag = "releases",
    params(("id" = String, Path, description = "Id of the upload."), UploadPartQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
                 description = "The bytes of the part."),
    responses(
        (status = 200, description = "How far it is.", body = UploadView),
        BadQuery, PartRefusals, AccessRefusals, Unknown, Conflict, NoReleaseStorage, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    id: Result<UploadId, ApiError>,
    at: Result<StrictQuery<UploadPartQuery>, ApiError>,
    body: Body,
) -> Result<Json<UploadView>, ApiError> {
    // Before anything is answered: some hosts cut the connection when an answer
    // comes while the body is still being sent, and the answer with it.
    let sent = PartBody::read(body).await;
    let id = id?;
    let StrictQuery(UploadPartQuery { offset }) = at?;
    if offset < 0 {
        return Err(ApiError::bad_request("offset must be 0 or more"));
    }
    let writer = writer(&ports)?;
    let upload = uploads::get(&ports.database, &id)
        .await?
        .ok_or_else(UploadId::unknown)?;
    if upload.completed_at.is_some() || upload.received != offset {
        return Ok(Json(upload.into()));
    }
    let bytes = sent.exactly(PART_BYTES.min(upload.size - upload.received))?;
    let next = store(&ports, writer, &upload, bytes).await?;
    let now = ports.stamps.now();
    let now_is = uploads::advance(&ports.database, &upload, &next, now).await?;
    Ok(Json(now_is.ok_or_else(UploadId::unknown)?.into()))
}

/// What a client sent.
enum PartBody {
    /// A whole body, not longer than any part.
    Whole(Bytes),
    /// More than any part has.
    TooLong,
    /// The connection broke.
    BrokeOff,
}

impl PartBody {
    /// Reads a body, and up to as much again of one that is too long.
    async fn read(mut body: Body) -> Self {
        let most = usize::try_from(PART_BYTES).unwrap_or_default();
        let announced = usize::try_from(body.size_hint().lower()).unwrap_or(most);
        let mut bytes = BytesMut::with_capacity(announced.min(most));
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Self::BrokeOff;
            };
            let data = frame.into_data().unwrap_or_default();
            read += data.len();
            if read > 2 * most {
                break;
            }
            if read <= most {
                bytes.extend_from_slice(&data);
            }
        }
        if read > most {
            return Self::TooLong;
        }
        Self::Whole(bytes.freeze())
    }

    /// The bytes, when they are so many.
    fn exactly(self, expected: i64) -> Result<Bytes, ApiError> {
        let expected = usize::try_from(expected).unwrap_or_default();
        let sent = match self {
            Self::Whole(bytes) if bytes.len() == expected => return Ok(bytes),
            Self::Whole(bytes) => Some(bytes.len()),
            Self::TooLong => None,
            Self::BrokeOff => return Err(ApiError::bad_request("the request ended early")),
        };
        match sent {
            Some(sent) if sent < expected => Err(ApiError::bad_request(format!(
                "the body must have the {expected} bytes of this part; it has {sent}"
            ))),
            _ => Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "payload_too_large",
                format!("the body must have the {expected} bytes of this part; it is longer"),
            )),
        }
    }
}

/// Stores the part; with the last one, the file. Answers what is to be
/// recorded.
async fn store(
    ports: &Ports,
    writer: &ReleaseWriter,
    upload: &Upload,
    bytes: Bytes,
) -> Result<Upload, ApiError> {
    let key = content_key(&upload.product, &upload.sha256);
    let mut digest = RunningDigest::resume(&upload.hash_state)?;
    digest.update(&bytes);
    let mut next = upload.clone();
    next.received += i64::try_from(bytes.len()).unwrap_or_default();
    next.hash_state = digest.state();
    let number = u16::try_from(upload.received / PART_BYTES + 1)
        .map_err(|_| ApiError::internal("an upload has too many parts"))?;
    let is_last = next.received == upload.size;
    if is_last && !digest.is(&upload.sha256) {
        let _ = writer.abort(&key, &upload.storage_ref).await;
        uploads::forget(&ports.database, &upload.id).await?;
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "digest_mismatch",
            "the SHA-256 of the uploaded bytes is not the one that was announced; the upload is discarded, start again with the unchanged file",
        ));
    }
    let stored = writer.part(&key, &upload.storage_ref, number, bytes).await;
    let stored = match stored {
        Ok(part) => {
            next.parts.push(part);
            if !is_last {
                return Ok(next);
            }
            let parts = next.parts.clone();
            writer.complete(&key, &upload.storage_ref, parts).await
        }
        Err(error) => Err(error),
    };
    let Err(error) = stored else {
        next.completed_at = Some(ports.stamps.now());
        return Ok(next);
    };
    // The answer may have been lost, or another request have completed it.
    let there = writer.size(&key).await?;
    if there.and_then(|size| i64::try_from(size).ok()) == Some(upload.size) {
        next.received = upload.size;
        next.completed_at = Some(ports.stamps.now());
        return Ok(next);
    }
    if let ReleaseWriteError::Gone(_) = error {
        let _ = writer.abort(&key, &upload.storage_ref).await;
        uploads::forget(&ports.database, &upload.id).await?;
        return Err(ApiError::conflict(
            "the storage has discarded the upload, or another upload of the same file replaced a part of it; start again",
        ));
    }
    Err(error.into())
}
