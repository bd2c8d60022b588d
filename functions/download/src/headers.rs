//! The headers that every answer of the gate has.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// Beside those that every answer of every function has.
const ALWAYS: [(HeaderName, &str); 2] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
];

/// Sent by browsers with every request (Fetch Metadata).
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Adds the headers.
pub(crate) async fn add(request: Request, next: Next) -> Response {
    let is_browser = is_browser(request.headers());
    let mut response = next.run(request).await;
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // wget and apt send what a netrc file has only when they are asked; a browser would
    // ask its user for a name and a password instead of showing the answer.
    if is_unauthorized && !is_browser {
        let basic = HeaderValue::from_static("Basic realm=\"downloads\"");
        headers.append(header::WWW_AUTHENTICATE, basic);
    }
    response
}

fn is_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    headers.contains_key(SEC_FETCH_MODE)
        || accept.is_some_and(|accept| accept.contains("text/html"))
}
