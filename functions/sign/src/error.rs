//! Refusals of the sign function.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use keywright_domain::entitlement::NotSignable;
use keywright_ports::{DatabaseError, SignRefusal, SignRefusalBody};
use keywright_web::{ApiError, Failure, Json};

/// A refusal, and the reason for the log of both sides.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    refusal: SignRefusal,
    message: String,
}

impl Refusal {
    pub(crate) fn new(refusal: SignRefusal, message: impl Into<String>) -> Self {
        Self {
            status: refusal.status(),
            refusal,
            message: message.into(),
        }
    }

    /// 404.
    pub(crate) fn unknown_license() -> Self {
        Self::new(SignRefusal::UnknownLicense, "no such license is recorded")
    }

    /// 500.
    pub(crate) fn internal(error: &dyn std::error::Error) -> Self {
        Self::new(SignRefusal::InternalError, error.to_string())
    }

    /// A body that is not what the endpoint takes, with the status of that.
    pub(crate) fn bad_body(error: &ApiError) -> Self {
        Self {
            status: error.status(),
            ..Self::new(SignRefusal::BadRequest, error.message())
        }
    }
}

impl From<NotSignable> for Refusal {
    fn from(error: NotSignable) -> Self {
        let refusal = match error {
            NotSignable::Unsealed | NotSignable::UnknownSealKey => SignRefusal::ReceiptNotSealed,
            NotSignable::NoReceipt
            | NotSignable::OtherProduct
            | NotSignable::BrokenSeal
            | NotSignable::NotSettled
            | NotSignable::NotActive => SignRefusal::NotEntitled,
        };
        Self::new(refusal, error.to_string())
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::internal(&error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let failure = Failure(format!("{}: {}", self.refusal, self.message));
        // A log that nobody wants sealed is nothing to report, once a minute.
        let is_wanted = !matches!(
            self.refusal,
            SignRefusal::NoSealKey | SignRefusal::NothingToSeal
        );
        let body = SignRefusalBody {
            error: self.refusal,
            message: self.message,
        };
        let mut response = (self.status, Json(body)).into_response();
        if is_wanted {
            response.extensions_mut().insert(failure);
        }
        response
    }
}

pub(crate) async fn unknown_route() -> Refusal {
    Refusal::new(SignRefusal::NotFound, "there is no such endpoint")
}
