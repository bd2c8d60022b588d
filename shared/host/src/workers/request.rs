//! A request of the platform as one of axum. Each call of JavaScript has its
//! price, so only those are made whose answer somebody looks at.

use crate::body::{BrokenOff, ONE_PIECE, length_of};
use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use worker::js_sys::{Array, JSON, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys;

/// Takes the platform's request over.
pub(super) async fn incoming(request: web_sys::Request) -> worker::Result<Request<Body>> {
    let mut taken = Request::new(Body::empty());
    *taken.method_mut() = Method::try_from(&*request.method()).map_err(failed)?;
    *taken.uri_mut() = request.url().parse().map_err(failed)?;
    *taken.headers_mut() = headers_of(&request)?;
    *taken.body_mut() = match length_of(taken.headers()) {
        // A body of these means nothing (RFC 9110, section 9.3.1).
        _ if matches!(*taken.method(), Method::GET | Method::HEAD) => Body::empty(),
        Some(length) if length <= ONE_PIECE => whole_body(&request, length).await?,
        _ => request
            .body()
            .map_or_else(Body::empty, |stream| Body::new(worker::Body::new(stream))),
    };
    Ok(taken)
}

/// All headers by one call, as the JSON of a list of pairs.
fn headers_of(request: &web_sys::Request) -> worker::Result<HeaderMap> {
    let pairs = String::from(JSON::stringify(&Array::from(&request.headers()))?);
    let pairs: Vec<(String, String)> = serde_json::from_str(&pairs)?;
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let name = HeaderName::try_from(name).map_err(failed)?;
        let value = HeaderValue::try_from(value.into_bytes()).map_err(failed)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Reads a body of `length` bytes.
async fn whole_body(request: &web_sys::Request, length: usize) -> worker::Result<Body> {
    let read = JsFuture::from(request.array_buffer()?).await;
    let bytes = read.map(|buffer| Uint8Array::new(&buffer).to_vec());
    Ok(match bytes {
        Ok(bytes) if bytes.len() == length => Body::from(bytes),
        _ => Body::new(BrokenOff),
    })
}

fn failed(error: impl std::fmt::Display) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
