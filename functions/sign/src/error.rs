//! Refusals of the sign function, as its callers' port reads them.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keywright_ports::SignRefusal;
use keywright_web::{Failure, Json};

/// A refusal: a stable word, and the reason for the log of both sides.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    error: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            error,
            message: message.into(),
        }
    }
}

impl Refusal {
    /// 404.
    pub(crate) fn unknown_license() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_license",
            "no such license is recorded",
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let refusal = SignRefusal {
            error: self.error.to_owned(),
            message: self.message,
        };
        let failure = Failure(format!("{}: {}", refusal.error, refusal.message));
        let mut response = (self.status, Json(refusal)).into_response();
        response.extensions_mut().insert(failure);
        response
    }
}

pub(crate) async fn unknown_route() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "not_found", "there is no such route")
}
