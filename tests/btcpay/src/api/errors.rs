//! Error answers in `BTCPay`'s forms.

use crate::json::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// 401: no key, or an unknown one.
    Unauthenticated(&'static str),
    /// 403: the key lacks this permission, or the thing is not its to see.
    MissingPermission(&'static str),
    /// 422: an array of faulty fields.
    Invalid(Vec<FieldError>),
    /// Anything else.
    Coded(StatusCode, &'static str, String),
    /// 415: a body that is not JSON by its content type.
    NotJson,
}

/// One faulty field: where, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) path: String,
    pub(crate) message: String,
}

impl FieldError {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }
}

impl ApiError {
    pub(crate) fn field(path: &str, message: &str) -> Self {
        Self::Invalid(vec![FieldError::new(path, message)])
    }

    pub(crate) fn not_found(code: &'static str, what: &str) -> Self {
        Self::Coded(
            StatusCode::NOT_FOUND,
            code,
            format!("there is no such {what}"),
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, body): (StatusCode, Value) = match self {
            Self::Unauthenticated(message) => (
                StatusCode::UNAUTHORIZED,
                json!({"code": "unauthenticated", "message": message}),
            ),
            Self::MissingPermission(permission) => (
                StatusCode::FORBIDDEN,
                json!({
                    "code": "missing-permission",
                    "message": format!("the API key needs the permission {permission} here"),
                    "missingPermission": permission,
                }),
            ),
            Self::Invalid(errors) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                errors
                    .into_iter()
                    .map(|error| json!({"path": error.path, "message": error.message}))
                    .collect(),
            ),
            Self::Coded(status, code, message) => {
                (status, json!({"code": code, "message": message}))
            }
            Self::NotJson => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
        };
        (status, Json(body)).into_response()
    }
}
