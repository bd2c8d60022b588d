//! `GET /releases/{product}/{version}/{platform}`: one file. The bytes are the
//! host's own stream and do not pass through wasm memory.

use crate::Ports;
use crate::error::GateError;
use crate::token;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keywright_domain::release::ReleaseFile;
use keywright_edge::ports::ReleaseBody;
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
/// 404 when there is no such file.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    path: Result<Path<(String, String, String)>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
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
    let release = ports.releases.open(&file.key()).await?.ok_or_else(|| {
        GateError::new(StatusCode::NOT_FOUND, "binary not found")
            .note("this version has no file for this platform")
    })?;
    Ok(answer(&file, is_signature, release.size, release.body))
}

/// A product is licensed unless its manifest says the opposite in so many
/// words: no manifest, or one that cannot be read, keeps the gate shut.
async fn requires_license(ports: &Ports, file: &ReleaseFile) -> Result<bool, GateError> {
    let key = format!("{}/MANIFEST.json", file.product);
    let manifest = ports.releases.read(&key, MAX_MANIFEST_BYTES).await?;
    let manifest: Option<Manifest> = manifest.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Ok(manifest.is_none_or(|manifest| manifest.requires_license))
}

fn answer(file: &ReleaseFile, is_signature: bool, size: u64, body: ReleaseBody) -> Response {
    let mut response = match body {
        ReleaseBody::Stream(body) => Response::new(body),
        ReleaseBody::Host(body) => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(body);
            response
        }
    };
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !is_signature {
        // The grammar of names has no quote, backslash or control character.
        let disposition = format!("attachment; filename=\"{}\"", file.file_name());
        if let Ok(value) = HeaderValue::from_str(&disposition) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
    }
    response
}
