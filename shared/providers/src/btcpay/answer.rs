//! `BTCPay`'s answers: what one holds, or why it holds nothing.

use http::{Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// An answer that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// 404: there is no such invoice, store or webhook.
    NotFound,
    /// 400 to 499: `BTCPay` refused the request; asking again will not help.
    Refused {
        /// Its status.
        status: u16,
        /// Its code and message, for the log.
        message: String,
    },
    /// 5xx, 408 or 429: asking again later may help.
    Unwell {
        /// Its status.
        status: u16,
    },
    /// A 200 that cannot be read.
    Unreadable,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("BTCPay knows no such thing"),
            Self::Refused { status, message } => write!(f, "BTCPay refused ({status}): {message}"),
            Self::Unwell { status } => write!(f, "BTCPay is out of order ({status})"),
            Self::Unreadable => f.write_str("BTCPay's answer cannot be read"),
        }
    }
}

impl std::error::Error for ReadError {}

/// A decimal string; a number is read by its text form, never as a float.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Amount {
    Text(String),
    Number(serde_json::Number),
}

impl Amount {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

/// What the maker of an invoice said about it. Other programs use the same store, and say
/// what they like: only a text is an order id of ours, and anything else is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "serde_json::Value")]
pub(super) struct Metadata {
    pub(super) order_id: Option<String>,
}

impl From<serde_json::Value> for Metadata {
    fn from(said: serde_json::Value) -> Self {
        let order_id = said.get("orderId").and_then(serde_json::Value::as_str);
        Self {
            order_id: order_id.map(str::to_owned),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    One { code: String, message: String },
    Fields(Vec<FieldError>),
}

#[derive(Deserialize)]
struct FieldError {
    path: String,
    message: String,
}

/// Reads the JSON of an answer.
pub(super) fn read<T: DeserializeOwned>(
    answer: &Response<impl AsRef<[u8]>>,
) -> Result<T, ReadError> {
    let status = answer.status();
    let body = answer.body().as_ref();
    match status {
        StatusCode::OK => serde_json::from_slice(body).map_err(|_| ReadError::Unreadable),
        StatusCode::NOT_FOUND => Err(ReadError::NotFound),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(ReadError::Unwell {
            status: status.as_u16(),
        }),
        status if status.is_client_error() => Err(ReadError::Refused {
            status: status.as_u16(),
            message: message_of(body),
        }),
        status => Err(ReadError::Unwell {
            status: status.as_u16(),
        }),
    }
}

fn message_of(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(ErrorBody::One { code, message }) => format!("{code}: {message}"),
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
        for (status, body, said) in [
            (403, one, "missing-permission: no"),
            (422, many, "amount: too small; x: y"),
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

    #[test]
    fn an_amount_is_text_or_a_number() {
        for (json, text) in [(r#""0.0005""#, "0.0005"), ("25.5", "25.5"), ("25", "25")] {
            let amount: Amount = serde_json::from_str(json).expect("an amount");
            assert_eq!(amount.into_text(), text);
        }
        assert!(serde_json::from_str::<Amount>("true").is_err());
    }
}
