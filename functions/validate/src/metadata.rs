//! `GET /`: what this instance is; for a browser, the storefront's home page.

use crate::Ports;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, VARY};
use http::{HeaderMap, HeaderValue, Method};
use keywright_storefront::{HOME, HOME_HTML, answer, prefers_html};
use keywright_web::openapi::Failures;
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// What this instance is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Metadata {
    /// Always `keywright`.
    #[schema(example = "keywright")]
    service: &'static str,
    /// Version of the software.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Who runs it; null where nobody said.
    #[schema(required)]
    operator: Option<String>,
    /// The newest public key: `SubjectPublicKeyInfo` as PEM.
    public_key_pem: String,
    /// Always `ed25519`.
    #[schema(example = "ed25519")]
    key_algorithm: &'static str,
    /// Version of the payload in new license keys.
    #[schema(example = 2)]
    key_format_version: u8,
}

/// What this instance is, and its newest public key
///
/// Under the same path the storefront has its home page: a client whose
/// `Accept` prefers `text/html` to JSON gets that.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "getInstance",
    tag = "instance",
    responses(
        (status = 200, description = "What it is.", content(
            (Metadata = "application/json"),
            (String = "text/html"),
        )),
        Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut response = if prefers_html(&headers) {
        answer(&method, &headers, &HOME, HOME_HTML.into()).map(Body::from)
    } else {
        Json(metadata(&ports)?).into_response()
    };
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_name(ACCEPT));
    Ok(response)
}

fn metadata(ports: &Ports) -> Result<Metadata, ApiError> {
    Ok(Metadata {
        service: "keywright",
        version: env!("CARGO_PKG_VERSION"),
        operator: ports.operator.as_deref().map(str::to_owned),
        public_key_pem: ports.keys()?.first().to_pem(),
        key_algorithm: "ed25519",
        key_format_version: 2,
    })
}
