//! `GET /releases/{product}/{version}/{platform}`: one file, or with `.sig`
//! behind it the vendor's signature of it. The bytes are the host's own stream
//! and do not pass through wasm memory.

use crate::Ports;
use crate::error::{Body, GateError};
use crate::files::{self, OPEN};
use crate::gate::{GatedVersion, Resuming};
use crate::manifest_cache::StoredVersion;
use crate::notes::{DownloadNotes, RequestedFile};
use crate::query::GateQuery;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Method, Uri, header};
use keywright_domain::release::ReleaseFile;
use keywright_ports::Later;
use keywright_web::{Client, Download};

/// One file of a version, or its signature. A signature (`….sig`) and an open
/// product need no token. Decides in this order: 400 for a path outside the
/// grammar or a doubled parameter, 401 without a token, 503 when no key is
/// configured, 401 or 403 by the token, 404 when there is no such file.
///
/// A token or a license key goes into `Authorization: Bearer` or `?token=`; in place
/// of it a signed link has `token`, `expires` and `dlid`, all three. The password of
/// `Authorization: Basic` counts as a token when none of these is present.
///
/// A transfer that a link began while it was good may go on for an hour: the same network
/// asks for a range behind the first byte, with the file's `ETag` in `If-Range`. That needs
/// the download log.
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
        ("whole" = Option<String>, Query, description = "`1`: `Range` counts only with `If-Range`. `latest` adds it."),
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
    request: FileRequest,
) -> Result<Response, GateError> {
    let Path((product, version, platform)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let file = ReleaseFile::parse(&product, &version, &platform).map_err(GateError::bad_path)?;
    let query = GateQuery::of(&request.uri)?;
    request.answer(&ports, &file, query).await
}

/// What a request for a file has beside its path.
pub(crate) struct FileRequest {
    pub(crate) uri: Uri,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    client: Client,
    later: Later,
}

impl FromRequestParts<Ports> for FileRequest {
    type Rejection = GateError;

    async fn from_request_parts(parts: &mut Parts, ports: &Ports) -> Result<Self, GateError> {
        let Ok(client) = Client::from_request_parts(parts, ports).await;
        let later = parts.extensions.get::<Later>().cloned().ok_or_else(|| {
            GateError::unavailable("service unavailable", "the host gave no `Later`")
        })?;
        Ok(Self {
            uri: parts.uri.clone(),
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            client,
            later,
        })
    }
}

impl FileRequest {
    /// Answers with a file of a version, or with its signature.
    ///
    /// # Errors
    /// [`GateError`] in the order of [`handler`].
    pub(crate) async fn answer(
        mut self,
        ports: &Ports,
        file: &ReleaseFile,
        query: GateQuery,
    ) -> Result<Response, GateError> {
        let platform = file.platform.as_str();
        if query.is_whole()? {
            self.ignore_range_of_anything();
        }
        if let Some(of) = platform.strip_suffix(".sig") {
            return signature(ports, file, of, &self.method, &self.headers).await;
        }
        let notes = DownloadNotes {
            ports,
            later: &self.later,
            client: &self.client,
        };
        let requested = RequestedFile {
            product: file.product.as_str(),
            version: file.version.as_str(),
            platform,
            site: None,
        };
        let network = self.client.address_prefix();
        let header = |name| self.headers.get(name).and_then(|value| value.to_str().ok());
        let gated = GatedVersion {
            ports,
            product: &file.product,
            version: file.version.as_str(),
            platform: Some(platform),
            takes_download_ids: false,
            resuming: network.as_deref().map(|network| Resuming {
                network,
                range: header(header::RANGE),
                if_range: header(header::IF_RANGE),
            }),
        };
        let (admitted, stored) = match gated.open(query.presented(&self.headers)).await {
            Ok(opened) => opened,
            Err(refused) => return Err(notes.refused(&requested, refused).await),
        };
        let found =
            files::of_platform(&stored, file, admitted.to()).ok_or_else(GateError::no_file)?;
        let answer = files::answer(ports, &found, &self.method, &self.headers).await?;
        let status = answer.status();
        notes
            .begun(&requested, &admitted, &self.method, status)
            .await;
        Ok(answer)
    }

    /// Without `If-Range` a range may be of another file than the client has the rest of.
    pub(crate) fn ignore_range_of_anything(&mut self) {
        if !self.headers.contains_key(header::IF_RANGE) {
            self.headers.remove(header::RANGE);
        }
    }
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
        StoredVersion::Older(_) => {
            let file = Download {
                cache_control: OPEN,
                ..Download::new(file.key())
            };
            files::answer(ports, &file, method, headers).await
        }
    }
}
