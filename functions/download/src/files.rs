//! The files of a version, as answers.

use crate::Ports;
use crate::error::GateError;
use crate::manifest_cache::StoredVersion;
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue, Method, header};
use keywright_domain::release::ReleaseFile;
use keywright_domain::release::manifest::{Artifact, VersionManifest, content_key};
use keywright_domain::release::statement::Sha256Hex;
use keywright_ports::ReleaseError;
use keywright_web::{Download, GATED};

/// `Cache-Control` of what everybody may have.
pub(crate) const OPEN: &str = "public, max-age=60";

/// Whether everybody may have a file: what caches may do with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Everybody,
    Holder,
}

impl Audience {
    const fn cache_control(self) -> &'static str {
        match self {
            Self::Everybody => OPEN,
            Self::Holder => GATED,
        }
    }
}

/// The file of a platform, to be answered. `None` when the version's manifest
/// has none; whether an older one is there shows when it is opened.
pub(crate) fn of_platform(
    stored: &StoredVersion,
    file: &ReleaseFile,
    to: Audience,
) -> Option<Download> {
    match stored {
        StoredVersion::Listed(manifest) => {
            let artifact = manifest.artifact(file.platform.as_str())?;
            Some(listed(manifest, artifact, to))
        }
        StoredVersion::Older(older) => Some(Download {
            name: Some(file.file_name()),
            digest: older
                .digest(file.platform.as_str())
                .and_then(bytes_of_digest),
            cache_control: to.cache_control(),
            ..Download::new(file.key())
        }),
    }
}

fn bytes_of_digest(digest: &Sha256Hex) -> Option<[u8; 32]> {
    let bytes = HEXLOWER.decode(digest.as_str().as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok())
}

/// A file of a manifest.
pub(crate) fn listed(manifest: &VersionManifest, artifact: &Artifact, to: Audience) -> Download {
    Download {
        name: Some(artifact.file_name.to_string()),
        digest: bytes_of_digest(&artifact.sha256),
        size: Some(artifact.size_bytes),
        modified: Some(manifest.published_at_unix),
        cache_control: to.cache_control(),
        ..Download::new(content_key(&manifest.product, &artifact.sha256))
    }
}

/// Answers with a file of a version.
///
/// # Errors
/// 404 where an older version has no such file; 503, told in the log, where a
/// manifest lists a file that is not stored as it says.
pub(crate) async fn answer(
    ports: &Ports,
    file: &Download,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, GateError> {
    let front = ports.sendfile.as_ref().as_ref();
    let answer = file.answer(&ports.releases, front, method, headers).await?;
    match answer {
        Some(answer) => Ok(answer),
        None if file.size.is_some() => {
            Err(ReleaseError(format!("{} is published and not stored", file.key)).into())
        }
        None => Err(GateError::no_file()),
    }
}

/// Answers with a text that is in memory.
pub(crate) fn text(content_type: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, OPEN),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    (headers, body).into_response()
}
