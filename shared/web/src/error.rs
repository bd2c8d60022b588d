//! Errors on the wire, of two families. Theirs: the caller can do something
//! about it, so it gets a stable code, an honest message and the right status,
//! in the envelope `{ok:false,error,message}` of the Keysat contract. Ours: the
//! caller learns only that it was us; the details go to the log, once, with
//! the request id, as a [`Failure`] that [`super::serve()`] picks up.

use super::Json;
use super::rate_limit::Allowance;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use keywright_domain::email::EmailError;
use keywright_ports::function::PortError;
use keywright_ports::{
    DatabaseError, FetchError, Refusal, ReleaseWriteError, SignError, Unavailable,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// An error answer in the `/v1` envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    failure: Option<String>,
    /// What is left of a rate limit, where that is the reason.
    allowance: Option<Box<Allowance>>,
    /// Seconds until it is worth trying again, where that is known.
    retry_after: Option<u64>,
    /// Further members of the answer.
    details: Option<Box<Map<String, Value>>>,
}

/// Details of an error of ours, for the log only. Travels as a response
/// extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

#[derive(Serialize)]
struct Envelope<'a> {
    ok: bool,
    error: &'a str,
    message: &'a str,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<&'a Map<String, Value>>,
}

impl ApiError {
    /// An error of theirs.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            failure: None,
            allowance: None,
            retry_after: None,
            details: None,
        }
    }

    /// The same with further members, for programs.
    #[must_use]
    pub fn with_details(self, details: Map<String, Value>) -> Self {
        Self {
            details: Some(Box::new(details)),
            ..self
        }
    }

    /// 400 `bad_request`.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// 401 `unauthorized`.
    #[must_use]
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    /// 403 `forbidden`.
    #[must_use]
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404 `not_found`.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 409 `conflict`.
    #[must_use]
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// 422 `unprocessable_entity`.
    #[must_use]
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "unprocessable_entity",
            message,
        )
    }

    /// The answer to a member that is no e-mail address: 400 for one that is too long, as for
    /// every limit, and 422 for other text.
    #[must_use]
    pub fn email(member: &str, error: EmailError) -> Self {
        let message = format!("{member} {error}");
        match error {
            EmailError::Long => Self::bad_request(message),
            EmailError::NoAt | EmailError::SeveralAts | EmailError::Name | EmailError::Host => {
                Self::unprocessable(message)
            }
        }
    }

    /// 429 `rate_limited`, with the fields of the limit.
    #[must_use]
    pub fn too_many(allowance: Allowance) -> Self {
        let seconds = allowance.retry_after();
        let message = format!("too many requests; try again in {seconds} s");
        Self {
            allowance: Some(Box::new(allowance)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        }
    }

    /// 429 `rate_limited` for another reason than a rate limit: how many seconds to
    /// wait, and a message that says what to do.
    #[must_use]
    pub fn wait(message: impl Into<String>, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
        }
    }

    /// 500 `internal_error`; `failure` goes to the log only.
    #[must_use]
    pub fn internal(failure: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "something went wrong on our side; the log has it under this answer's x-request-id",
        )
        .because(failure)
    }

    /// 502 `upstream_error`; `failure` goes to the log only.
    #[must_use]
    pub fn upstream(message: impl Into<String>, failure: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "upstream_error", message).because(failure)
    }

    /// 503 with a code; `failure` goes to the log only.
    #[must_use]
    pub fn unavailable(
        code: &'static str,
        message: impl Into<String>,
        failure: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).because(failure)
    }

    fn because(self, failure: impl Into<String>) -> Self {
        Self {
            failure: Some(failure.into()),
            ..self
        }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What goes to the log only.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Envelope {
            ok: false,
            error: self.code,
            message: &self.message,
            details: self.details.as_deref(),
        };
        let mut response = match self.allowance {
            Some(allowance) => (self.status, *allowance, Json(body)).into_response(),
            None => (self.status, Json(body)).into_response(),
        };
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        if let Some(failure) = self.failure {
            response.extensions_mut().insert(Failure(failure));
        }
        response
    }
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        Self::unavailable(error.code, error.message, error.failure)
    }
}

impl From<Refusal> for ApiError {
    fn from(error: Refusal) -> Self {
        match error {
            Refusal::Forbidden { code, message } => Self::new(StatusCode::FORBIDDEN, code, message),
            Refusal::Unavailable(error) => error.into(),
            Refusal::Internal(failure) => Self::internal(failure),
        }
    }
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<SignError> for ApiError {
    fn from(error: SignError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<ReleaseWriteError> for ApiError {
    fn from(error: ReleaseWriteError) -> Self {
        Self::unavailable(
            "storage_unavailable",
            "the release storage did not take it; send the same request again",
            error.to_string(),
        )
    }
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        Self::upstream(
            "the payment provider did not answer; try again",
            error.to_string(),
        )
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        Self::internal(error.to_string())
    }
}
