//! `GET /releases/{product}/{version}/{platform}`: one file. The bytes are the
//! host's own stream and do not pass through wasm memory.

use crate::Ports;
use crate::error::GateError;
use crate::token;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use keywright_domain::release::ReleaseFile;
use keywright_edge::http::Download;
use serde::Deserialize;

/// Largest product manifest; it says whether a product is open.
const MAX_MANIFEST_BYTES: usize = 16 * 1024;

/// The query of a download.
#[derive(Deserialize)]
pub(crate) struct Asked {
    token: Option<String>,
}

#[derive(Deserialize)]
struct Manifest {
    requires_license: bool,
}

/// Decides in this order: 400 for a path outside the grammar or a doubled
/// `token`; a signature (`….sig`) and an open product need no token; 401
/// without a token; 503 when no key is configured; 401 or 403 by the token;
/// 404 when there is no such file. What a client may have is answered as
/// [`Download`] says: ranges, preconditions, or a front server's header.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, GateError> {
    let Path((product, version, platform)) = path.unwrap_or_else(|_| Path(<_>::default()));
    let file = ReleaseFile::parse(&product, &version, &platform).map_err(|error| {
        GateError::new(StatusCode::BAD_REQUEST, "bad path").note(error.to_string())
    })?;
    let Query(asked) = asked.map_err(|_| {
        GateError::new(StatusCode::BAD_REQUEST, "bad query").note("send token once at most")
    })?;
    let is_signature = platform.strip_suffix(".sig").is_some();
    if !is_signature && requires_license(&ports, &file).await? {
        let token = token::of_request(&headers, asked.token)?;
        let keys = ports.keys.as_ref().as_ref().map_err(|reason| {
            GateError::unavailable("no public key is configured yet", reason.as_str())
        })?;
        token::check(&token, keys, file.product.as_str(), ports.stamps.now())?;
    }
    let download = Download {
        name: (!is_signature).then(|| file.file_name()),
        ..Download::new(file.key())
    };
    let front = ports.sendfile.as_ref().as_ref();
    let answer = download.answer(&ports.releases, front, &method, &headers);
    answer.await?.ok_or_else(|| {
        GateError::new(StatusCode::NOT_FOUND, "binary not found")
            .note("this version has no file for this platform")
    })
}

/// A product is licensed unless its manifest says the opposite in so many
/// words: no manifest, or one that cannot be read, keeps the gate shut.
async fn requires_license(ports: &Ports, file: &ReleaseFile) -> Result<bool, GateError> {
    let key = format!("{}/MANIFEST.json", file.product);
    let manifest = ports.releases.read(&key, MAX_MANIFEST_BYTES).await?;
    let manifest: Option<Manifest> = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(manifest.is_none_or(|manifest| manifest.requires_license))
}
