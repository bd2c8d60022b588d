//! Errors in the release server's form: `{"error": …}`, with hints beside it.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use keywright_domain::release::gate::GateRefusal;
use keywright_ports::{DatabaseError, ReleaseError};
use keywright_web::{ApiError, Failure, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// An error answer of the release gate.
#[derive(Debug)]
pub(crate) struct GateError {
    status: StatusCode,
    body: Box<Body>,
    failure: Option<String>,
}

/// An error of the release routes.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = ReleaseError)]
pub(crate) struct Body {
    /// What refused it: a stable code, or a few words.
    #[schema(example = "wrong-product")]
    error: String,
    /// What was wrong and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What to try instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// How a token goes into a header, where one is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<&'static str>,
    /// How a token goes into the query, where one is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'static str>,
}

impl GateError {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            body: Box::new(Body {
                error: error.into(),
                ..Body::default()
            }),
            failure: None,
        }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.body.note = Some(note.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    /// 400 for a segment outside the grammar.
    pub(crate) fn bad_path(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad path").note(why.to_string())
    }

    /// 400 for a query outside the grammar.
    pub(crate) fn bad_query(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad query").note(why.to_string())
    }

    /// 404 for a file.
    pub(crate) fn no_file() -> Self {
        Self::new(StatusCode::NOT_FOUND, "binary not found")
            .note("there is no such version, or it has no file of this name or for this platform; versions are written without a leading v")
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

/// What a database cannot confirm stays shut: a license may have been revoked.
impl From<DatabaseError> for GateError {
    fn from(error: DatabaseError) -> Self {
        Self::unavailable(
            "the license cannot be looked up now; try again later",
            error.to_string(),
        )
    }
}

impl From<GateRefusal> for GateError {
    fn from(refusal: GateRefusal) -> Self {
        Self::new(StatusCode::FORBIDDEN, refusal.code()).note(refusal.advice())
    }
}

/// A body that the JSON layer refused, in this form.
impl From<ApiError> for GateError {
    fn from(error: ApiError) -> Self {
        Self::new(error.status(), "bad request").note(error.message())
    }
}

impl IntoResponse for GateError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        // An answer to one token is none to another.
        let never = HeaderValue::from_static("no-store");
        headers.insert(header::CACHE_CONTROL, never);
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 9110, section 11.6.1: a 401 names how to authenticate.
            let scheme = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, scheme);
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
