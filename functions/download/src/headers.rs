//! The headers that every answer of the gate has.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderName, HeaderValue, header};

/// Two years, as the older server has it.
const HSTS: &str = "max-age=63072000; includeSubDomains";

const ALWAYS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
];

/// Whether buyers reach this instance over TLS: only then may it ask for it.
#[derive(Clone, Copy)]
pub(crate) struct OverTls(pub(crate) bool);

/// Adds the headers.
pub(crate) async fn add(State(tls): State<OverTls>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if tls.0 {
        let name = header::STRICT_TRANSPORT_SECURITY;
        headers.insert(name, HeaderValue::from_static(HSTS));
    }
    response
}
