//! Errors in the release server's form: `{"error": …}`, with hints beside it.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keywright_edge::http::{Failure, Json};
use keywright_edge::ports::ReleaseError;
use serde::Serialize;

/// An error answer of the release gate.
#[derive(Debug)]
pub(crate) struct GateError {
    status: StatusCode,
    body: Body,
    failure: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Body {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'static str>,
}

impl GateError {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            body: Body {
                error: error.into(),
                ..Body::default()
            },
            failure: None,
        }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.body.note = Some(note.into());
        self
    }

    /// 401 for a request without a token, with where to put one.
    pub(crate) fn token_missing() -> Self {
        let mut error = Self::new(StatusCode::UNAUTHORIZED, "token required");
        error.body.header = Some("Authorization: Bearer <token>");
        error.body.query = Some("?token=<token>");
        error
    }

    /// 503; `failure` goes to the log only.
    pub(crate) fn unavailable(error: &str, failure: impl Into<String>) -> Self {
        let mut answer = Self::new(StatusCode::SERVICE_UNAVAILABLE, error);
        answer.failure = Some(failure.into());
        answer
    }
}

impl From<ReleaseError> for GateError {
    fn from(error: ReleaseError) -> Self {
        Self::unavailable(
            "release storage is out of order; try again later",
            error.to_string(),
        )
    }
}

impl IntoResponse for GateError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1: a 401 names how to authenticate.
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Some(failure) = self.failure {
            response.extensions_mut().insert(Failure(failure));
        }
        response
    }
}

pub(crate) async fn unknown_route() -> GateError {
    GateError::new(StatusCode::NOT_FOUND, "not found")
}

pub(crate) async fn wrong_method() -> GateError {
    GateError::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}
