//! `GET /releases/{product}/{version}/{platform}`: one file, or with `.sig`
//! behind it the vendor's signature of it. The bytes are the host's own stream
//! and do not pass through wasm memory.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::files::{self, OPEN};
use crate::gate::GatedVersion;
use crate::manifest_cache::StoredVersion;
use crate::notes::{DownloadNotes, RequestedFile};
use crate::query::GateQuery;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method, Uri};
use keywright_domain::release::ReleaseFile;
use keywright_ports::Later;
use keywright_web::{Client, Download};

/// One file of a version, or its signature. A signature (`….sig`) and an open
/// product need no token. Decides in this order: 400 for a path outside the
/// grammar or a doubled parameter, 401 without a token, 503 when no key is
/// configured, 401 or 403 by the token, 404 when there is no such file.
///
/// A token or a license key goes into `Authorization: Bearer` or `?token=`; in place
/// of it a signed link has `token`, `expires` and `dlid`, all three.
#[utoipa::path(
    get,
    path = "/releases/{product}/{version}/{platform}",
    operation_id = "downloadRelease",
    tag = "releases",
    params(
        ("product" = String, Path, description = "The product's slug."),
        ("version" = String, Path, description = "The version."),
        ("platform" = String, Path, description = "The platform: a Rust target triple or `any`, with the kind of bundle behind a dot where it is not the first file; and `.sig` for the signature."),
        ("token" = Option<String>, Query, description = "The license's token or its key, or the signature of a link."),
        ("expires" = Option<String>, Query, description = "When a link expires, in unix seconds."),
        ("dlid" = Option<String>, Query, description = "The download id of a link."),
    ),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The part of it that `Range` asks for.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it."),
        (status = 400, description = "The path or the query breaks its grammar.", body = Body),
        (status = 401, description = "No token, or one that is not the vendor's: `token required`, `malformed-token`, `token-too-short`, `invalid-signature`, `invalid-payload`, `invalid-license-key`.", body = Body),
        (status = 403, description = "It does not open this: `wrong-product`, `not-found`, `token-revoked`, `channel-expired`, `entitlement-missing`, `version-below-floor`, `maintenance-expired`; of a link also `malformed-link`, `invalid-signature`, `link-expired`, `link-too-long`, `unknown-download-id`.", body = Body),
        (status = 404, description = "There is no such file.", body = Body),
        (status = 412, description = "`If-Match` or `If-Unmodified-Since` does not hold.", body = Body),
        (status = 416, description = "The range lies outside of the file.", body = Body),
        (status = 503, description = "No public key is configured, or the storage or the database is out of order.", body = Body),
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    client: Client,
    Extension(later): Extension<Later>,
) -> Result<Response, GateError> {
    let Path((product, version, platform)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let file = ReleaseFile::parse(&product, &version, &platform).map_err(GateError::bad_path)?;
    let query = GateQuery::of(&uri)?;
    if let Some(of) = platform.strip_suffix(".sig") {
        return signature(&ports, &file, of, &method, &headers).await;
    }
    let notes = DownloadNotes {
        ports: &ports,
        later: &later,
        client: &client,
    };
    let requested = RequestedFile {
        product: &product,
        version: &version,
        platform: &platform,
        site: None,
    };
    let gated = GatedVersion {
        ports: &ports,
        product: &file.product,
        version: &version,
        platform: Some(&platform),
        takes_download_ids: false,
    };
    let (admitted, stored) = match gated.open(query.presented(&headers)).await {
        Ok(opened) => opened,
        Err(refused) => return Err(notes.refused(&requested, refused).await),
    };
    let found = files::of_platform(&stored, &file, admitted.to()).ok_or_else(GateError::no_file)?;
    let answer = files::answer(&ports, &found, &method, &headers).await?;
    let status = answer.status();
    notes.begun(&requested, &admitted, &method, status).await;
    Ok(answer)
}

/// The signature from the version's manifest, else the older file.
async fn signature(
    ports: &Ports,
    file: &ReleaseFile,
    platform: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, GateError> {
    let version = file.version.as_str();
    let stored = ports
        .manifests
        .version(&file.product, version, Some(platform));
    match stored.await? {
        StoredVersion::Listed(manifest) => {
            let artifact = manifest.artifact(platform).ok_or_else(GateError::no_file)?;
            Ok(files::text(
                "application/octet-stream",
                artifact.signature.clone(),
            ))
        }
        StoredVersion::Older { .. } => {
            let file = Download {
                cache_control: OPEN,
                ..Download::new(file.key())
            };
            files::answer(ports, &file, method, headers).await
        }
    }
}
