//! A provider's answer: what it holds, or why it holds nothing.

use http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An answer that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// 404: there is no such thing.
    #[error("the payment provider knows no such thing")]
    NotFound,
    /// 400 to 499: the provider refused the request; asking again will not help.
    #[error("the payment provider refused ({status}): {message}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its code and message, for the log.
        message: String,
    },
    /// 5xx, 408 or 429: asking again later may help.
    #[error("the payment provider is out of order ({status})")]
    Unwell {
        /// Its status.
        status: u16,
    },
    /// A success that cannot be read.
    #[error("the payment provider's answer cannot be read")]
    Unreadable,
}

impl ReadError {
    /// True if the provider certainly did not do what it was asked for.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NotFound)
    }
}

/// The error bodies of `BTCPay` and Zaprite.
#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    One {
        code: String,
        message: String,
        #[serde(default)]
        issues: Vec<Issue>,
    },
    Fields(Vec<FieldError>),
}

#[derive(Deserialize)]
struct FieldError {
    path: String,
    message: String,
}

#[derive(Deserialize)]
struct Issue {
    message: String,
}

/// Longest text of a provider that goes to the log, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// Reads the JSON of an answer.
pub(crate) fn read<T: DeserializeOwned>(
    answer: &Response<impl AsRef<[u8]>>,
) -> Result<T, ReadError> {
    let status = answer.status();
    let body = answer.body().as_ref();
    match status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::ACCEPTED => {
            serde_json::from_slice(body).map_err(|_| ReadError::Unreadable)
        }
        StatusCode::NOT_FOUND => Err(ReadError::NotFound),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(ReadError::Unwell {
            status: status.as_u16(),
        }),
        status if status.is_client_error() => Err(ReadError::Refused {
            status: status.as_u16(),
            message: message_of(body).chars().take(MAX_MESSAGE_CHARS).collect(),
        }),
        status => Err(ReadError::Unwell {
            status: status.as_u16(),
        }),
    }
}

fn message_of(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(ErrorBody::One {
            code,
            message,
            issues,
        }) => {
            let issues = issues.iter().map(|issue| format!("; {}", issue.message));
            format!("{code}: {message}{}", issues.collect::<String>())
        }
        Ok(ErrorBody::Fields(fields)) => {
            let texts: Vec<_> = fields
                .iter()
                .map(|field| format!("{}: {}", field.path, field.message))
                .collect();
            texts.join("; ")
        }
        Err(_) => "no reason given".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> ReadError {
        let answer = Response::builder().status(status).body(body.as_bytes());
        let read = read::<bool>(&answer.expect("an answer"));
        read.expect_err("a failure")
    }

    #[test]
    fn failures_are_told_apart() {
        let one = r#"{"code":"missing-permission","message":"no"}"#;
        let many = r#"[{"path":"amount","message":"too small"},{"path":"x","message":"y"}]"#;
        let issues =
            r#"{"code":"BAD_REQUEST","message":"invalid","issues":[{"message":"amount"}]}"#;
        for (status, body, said) in [
            (403, one, "missing-permission: no"),
            (422, many, "amount: too small; x: y"),
            (400, issues, "BAD_REQUEST: invalid; amount"),
            (400, "<html>", "no reason given"),
        ] {
            let message = said.to_owned();
            assert_eq!(
                failure(status, body),
                ReadError::Refused { status, message }
            );
        }
        assert_eq!(failure(404, one), ReadError::NotFound);
        for status in [301, 408, 429, 500, 503] {
            assert_eq!(failure(status, ""), ReadError::Unwell { status });
        }
        for body in ["<html>", "", "1"] {
            assert_eq!(failure(200, body), ReadError::Unreadable, "{body}");
        }
    }
}
