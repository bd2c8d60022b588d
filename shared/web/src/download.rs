//! A release file as the answer to a GET or HEAD: 200, 206, 304, 412, 416, the
//! headers of each, and bytes that the host streams. Used as
//!
//! ```ignore
//! let file = Download {
//!     name: Some("demo-1.2.0-x86_64-unknown-linux-gnu".to_owned()),
//!     digest: Some(sha256),                 // strong ETag and Repr-Digest
//!     size: Some(artifact.size_bytes),      // the file has it, or the answer is an error
//!     modified: Some(published_at_unix),
//!     ..Download::new(key)
//! };
//! match file.answer(&ports.releases, ports.sendfile.as_ref(), &method, &headers).await? {
//!     Some(response) => Ok(response),
//!     None => Err(not_found()),
//! }
//! ```
//!
//! It decides about no right: call it when the request may have the file. The
//! handler takes `method: http::Method` and `headers: http::HeaderMap` as
//! extractors; axum's `get` routes HEAD to it too. A log that counts downloads
//! looks at the status: 200 and 206 send bytes (to a GET).

use super::conditional::{
    EntityTag, Preconditions, Validators, http_date, preconditions, range_counts,
};
use super::range::{RangeAsked, range_asked};
use super::{Json, Sendfile};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use keywright_ports::{Extent, FileInfo, ReleaseBody, ReleaseError, Releases};
use serde::Serialize;
use std::fmt::Write as _;

/// RFC 9530, section 3.
pub(crate) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// `Cache-Control` of what not everybody may have: no shared cache keeps it,
/// and the client's own asks again before it uses it, with its token.
pub const GATED: &str = "private, no-cache";

/// A file, and how it is described to the client.
#[derive(Debug, Clone)]
pub struct Download {
    /// Where it is in the store.
    pub key: String,
    /// The name to save it under; without one there is no `Content-Disposition`.
    pub name: Option<String>,
    /// The media type.
    pub content_type: &'static str,
    /// `Cache-Control`; [`GATED`] unless said otherwise.
    pub cache_control: &'static str,
    /// Its SHA-256 where that is known: the strong `ETag` and `Repr-Digest`.
    /// Without one the tag is a weak one, of time and size.
    pub digest: Option<[u8; 32]>,
    /// The size it must have, in bytes, where that is known.
    pub size: Option<u64>,
    /// `Last-Modified` in unix seconds; the store's own time where it is none.
    pub modified: Option<i64>,
}

impl Download {
    /// A gated `application/octet-stream` of which nothing is known.
    #[must_use]
    pub fn new(key: String) -> Self {
        Self {
            key,
            name: None,
            content_type: "application/octet-stream",
            cache_control: GATED,
            digest: None,
            size: None,
            modified: None,
        }
    }

    /// Answers a GET or HEAD; `None` when there is no such file. With a
    /// `front` server the answer has its header in place of the bytes.
    ///
    /// # Errors
    /// [`ReleaseError`] when the store is out of order, or the file is not the
    /// one that was described.
    pub async fn answer(
        &self,
        releases: &Releases,
        front: Option<&Sendfile>,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Option<Response>, ReleaseError> {
        let is_head = *method == Method::HEAD;
        if !is_head && front.is_none() && is_plain(headers) {
            // All of it, with one look at the store.
            let Some(release) = releases.open(&self.key, Extent::WHOLE).await? else {
                return Ok(None);
            };
            let mut response = body(release.body);
            self.describe(&mut response, release.info)?;
            set_length(&mut response, release.info.size);
            return Ok(Some(response));
        }
        let Some(info) = releases.stat(&self.key).await? else {
            return Ok(None);
        };
        let mut response = match self.decide(info, is_head, headers) {
            Decision::Send(part) => {
                let front = front.filter(|_| Sendfile::may_answer(headers, part.is_some()));
                if let Some(header) = front.and_then(|front| front.header(&self.key)) {
                    return self.handed_over(header, info).map(Some);
                }
                if is_head {
                    head(info)
                } else {
                    let Some(response) = self.open(releases, info, part).await? else {
                        return Ok(None);
                    };
                    response
                }
            }
            Decision::NotModified => {
                let mut response = StatusCode::NOT_MODIFIED.into_response();
                self.validate(&mut response, info);
                return Ok(Some(response));
            }
            Decision::Failed => {
                let status = StatusCode::PRECONDITION_FAILED;
                return Ok(Some(refusal(status, "precondition failed")));
            }
            Decision::Unsatisfiable => {
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                let mut response = refusal(status, "range not satisfiable");
                let range = format!("bytes */{}", info.size);
                set(&mut response, header::CONTENT_RANGE, &range);
                return Ok(Some(response));
            }
        };
        self.describe(&mut response, info)?;
        Ok(Some(response))
    }

    /// 200 or 206 with the bytes; `None` when the file went away meanwhile.
    async fn open(
        &self,
        releases: &Releases,
        info: FileInfo,
        part: Option<Part>,
    ) -> Result<Option<Response>, ReleaseError> {
        let extent = part.map_or(Extent::WHOLE, |part| Extent {
            offset: part.offset,
            length: Some(part.length),
        });
        let Some(release) = releases.open(&self.key, extent).await? else {
            return Ok(None);
        };
        if release.info != info {
            return Err(ReleaseError(format!("{} changed while read", self.key)));
        }
        let mut response = body(release.body);
        set_length(&mut response, extent.length_in(info.size));
        if let Some(Part { offset, length }) = part {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {offset}-{}/{}", offset + length - 1, info.size);
            set(&mut response, header::CONTENT_RANGE, &range);
        }
        Ok(Some(response))
    }

    /// 200 without bytes, for the front server to put them in.
    fn handed_over(
        &self,
        (name, value): (HeaderName, HeaderValue),
        info: FileInfo,
    ) -> Result<Response, ReleaseError> {
        let mut response = Response::new(Body::empty());
        self.describe(&mut response, info)?;
        let headers = response.headers_mut();
        headers.insert(name, value);
        // The front server says so by itself, once.
        headers.remove(header::ACCEPT_RANGES);
        Ok(response)
    }

    /// The rules of RFC 9110, section 13.2.2: preconditions first, then the
    /// range, which only a GET has (section 14.2).
    fn decide(&self, info: FileInfo, is_head: bool, headers: &HeaderMap) -> Decision {
        let current = self.validators(info);
        match preconditions(headers, &current) {
            Preconditions::Failed => return Decision::Failed,
            Preconditions::NotModified => return Decision::NotModified,
            Preconditions::Hold => {}
        }
        if is_head || !range_counts(headers, &current) {
            return Decision::Send(None);
        }
        match range_asked(headers, info.size) {
            RangeAsked::Whole => Decision::Send(None),
            RangeAsked::Part { offset, length } => Decision::Send(Some(Part { offset, length })),
            RangeAsked::Unsatisfiable => Decision::Unsatisfiable,
        }
    }

    fn validators(&self, info: FileInfo) -> Validators {
        let etag = match (self.digest, info.modified) {
            (Some(digest), _) => Some(EntityTag::Strong(HEXLOWER.encode(&digest))),
            (None, Some(modified)) => {
                Some(EntityTag::Weak(format!("{modified:x}-{:x}", info.size)))
            }
            (None, None) => None,
        };
        Validators {
            etag,
            modified: self.modified.or(info.modified),
        }
    }

    /// The headers that 200, 206 and 304 share (section 15.4.5).
    fn validate(&self, response: &mut Response, info: FileInfo) {
        let current = self.validators(info);
        if let Some(etag) = current.etag {
            set(response, header::ETAG, &etag.to_string());
        }
        let headers = response.headers_mut();
        if let Some(date) = current.modified.and_then(http_date) {
            headers.insert(header::LAST_MODIFIED, date);
        }
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(self.cache_control),
        );
    }

    /// The headers of an answer with the file or a part of it.
    fn describe(&self, response: &mut Response, info: FileInfo) -> Result<(), ReleaseError> {
        if self.size.is_some_and(|size| size != info.size) {
            let key = &self.key;
            let found = info.size;
            return Err(ReleaseError(format!(
                "{key} has {found} bytes, which is not what was published"
            )));
        }
        self.validate(response, info);
        if let Some(digest) = self.digest {
            // Of the whole file, whatever part of it is sent.
            let value = format!("sha-256=:{}:", BASE64.encode(&digest));
            set(response, REPR_DIGEST, &value);
        }
        if let Some(name) = &self.name {
            set(response, header::CONTENT_DISPOSITION, &attachment(name));
        }
        for (name, value) in [
            (header::CONTENT_TYPE, self.content_type),
            (header::ACCEPT_RANGES, "bytes"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Part {
    offset: u64,
    length: u64,
}

enum Decision {
    /// The file, or a part of it.
    Send(Option<Part>),
    NotModified,
    Failed,
    Unsatisfiable,
}

/// Whether the request is for all of the file, whatever its state.
fn is_plain(headers: &HeaderMap) -> bool {
    [
        header::RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
    ]
    .iter()
    .all(|name| !headers.contains_key(name))
}

fn head(info: FileInfo) -> Response {
    let mut response = Response::new(Body::empty());
    set_length(&mut response, info.size);
    response
}

fn body(body: ReleaseBody) -> Response {
    match body {
        ReleaseBody::Stream(bytes) => Response::new(Body::new(bytes)),
        ReleaseBody::Host(body) => {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(body);
            response
        }
    }
}

fn set_length(response: &mut Response, length: u64) {
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

/// Sets a header to text of ours, which is plain.
fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// An error in the form of the release routes.
fn refusal(status: StatusCode, error: &'static str) -> Response {
    #[derive(Serialize)]
    struct Refusal {
        error: &'static str,
    }
    (status, Json(Refusal { error })).into_response()
}

/// `Content-Disposition` of a file to save (RFC 6266). The quoted form comes
/// last but for the encoded one, which only a name outside of it gets: simple
/// parsers cut the value after `filename=`.
fn attachment(name: &str) -> String {
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '/' | '%');
    let quoted: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let mut value = format!("attachment; filename=\"{quoted}\"");
    if quoted != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            // attr-char of RFC 8187, section 3.2.1.
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                value.push(char::from(byte));
            } else {
                // Writing to a string does not fail.
                let _ = write!(value, "%{byte:02X}");
            }
        }
    }
    value
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
