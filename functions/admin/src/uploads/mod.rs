//! Uploads of release files, in parts that follow one another. Nobody sees the
//! bytes until a version lists them. They are stored under their digest, which
//! is computed here over what arrives, so that a file has its digest or is not
//! stored at all.

mod digest;
pub(crate) mod open;
pub(crate) mod part;

use crate::Ports;
use http::StatusCode;
use keywright_ports::ReleaseWriter;
use keywright_store::releases::uploads::Upload;
use keywright_web::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// Bytes of every part but the last. At least 5 MiB and all alike (rules of
/// R2); small, because a part is held in memory as it is hashed and stored, and
/// a part is what an interruption costs. A request of Workers may have 100 MB.
const PART_BYTES: i64 = 8 * 1024 * 1024;
/// Most parts of an upload (a rule of R2).
const MOST_PARTS: i64 = 10_000;
/// Seconds until an upload is begun anew. R2 forgets one after seven days.
const KEEP_SECONDS: i64 = 6 * 86_400;

/// How far an upload is.
#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadView {
    /// UUID; null when there is nothing to upload.
    #[schema(required)]
    id: Option<String>,
    /// Bytes that have arrived: the next part begins here.
    offset: i64,
    /// Bytes of every part but the last.
    part_size: i64,
    /// Whether the file is stored.
    complete: bool,
}

impl UploadView {
    fn stored(size: i64) -> Self {
        Self {
            id: None,
            offset: size,
            part_size: PART_BYTES,
            complete: true,
        }
    }
}

impl From<Upload> for UploadView {
    fn from(upload: Upload) -> Self {
        Self {
            id: Some(upload.id),
            offset: upload.received,
            part_size: PART_BYTES,
            complete: upload.completed_at.is_some(),
        }
    }
}

/// Where files are stored; 501 where the host cannot.
fn writer(ports: &Ports) -> Result<&ReleaseWriter, ApiError> {
    ports.releases.as_ref().ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_IMPLEMENTED,
            "no_release_storage",
            "this host mounts its releases and cannot write them: publish with --folder and the folder that it mounts",
        )
    })
}
