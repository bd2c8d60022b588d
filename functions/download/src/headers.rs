//! The headers that every answer of the gate has.

use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// Beside those that every answer of every function has.
const ALWAYS: [(HeaderName, &str); 2] = [
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
];

/// Adds the headers.
pub(crate) async fn add(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
