//! Reading an answer: either a result, or one of the many ways to refuse.

use super::Endpoint;
use super::call::{Call, ID, Reading};
use super::error::RpcError;
use super::limits::{Cause, TooWide, too_often, too_wide};
use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

/// How much of an endpoint's message is kept.
pub const MAX_MESSAGE_CHARS: usize = 200;

/// An answer whose result is read as `T`.
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Answer<T> {
    id: Option<Value>,
    // `null` is a result too, so a missing one has to differ from it.
    #[serde(default, deserialize_with = "present")]
    result: Option<T>,
    error: Option<Refusal>,
}

impl<T> Answer<T> {
    /// The same answer with its result read further.
    pub(super) fn and_then<U>(
        self,
        read: impl FnOnce(T) -> Result<U, &'static str>,
    ) -> Answer<Result<U, RpcError>> {
        Answer {
            id: self.id,
            result: self
                .result
                .map(|result| read(result).map_err(RpcError::Malformed)),
            error: self.error,
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

fn present<'de, T, D>(value: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    T::deserialize(value).map(Some)
}

/// Reads a body as the call wants it read.
fn parse<T>(call: &Call<T>, body: &[u8]) -> Result<Answer<Result<T, RpcError>>, serde_json::Error> {
    let read = match call.read {
        Reading::Bytes(read) => return read(body),
        Reading::Value(read) => read,
    };
    let Answer { id, result, error } = serde_json::from_slice::<Answer<Value>>(body)?;
    let result = result.map(|result| {
        if call.finalized && result.is_null() {
            return Err(RpcError::NoFinalized);
        }
        read(&result).map_err(RpcError::Malformed)
    });
    Ok(Answer { id, result, error })
}

pub(super) fn read<T>(
    call: &Call<T>,
    endpoint: &Endpoint,
    response: &Response<Bytes>,
) -> Result<T, RpcError> {
    let status = response.status();
    let answer = parse(call, response.body());
    // Many endpoints refuse with a status and a body that says more.
    if let Ok(Answer {
        error: Some(error), ..
    }) = &answer
    {
        return Err(refused(call, endpoint, status, error));
    }
    if !status.is_success() {
        let body = String::from_utf8_lossy(response.body());
        let start: String = body.chars().take(2_000).collect();
        return Err(match status {
            StatusCode::PAYLOAD_TOO_LARGE => WIDE,
            _ => by_status(status, 0)
                .or_else(|| wide(call, &start))
                .unwrap_or(RpcError::Status {
                    status: status.as_u16(),
                }),
        });
    }
    let answer = answer.map_err(|error| match error.classify() {
        Category::Eof => RpcError::CutOff,
        Category::Data => RpcError::Malformed("its result is not what was asked for"),
        Category::Io | Category::Syntax => RpcError::Malformed("it is no JSON-RPC answer"),
    })?;
    if answer.id != Some(ID.into()) {
        return Err(RpcError::Malformed("it answers another call"));
    }
    answer
        .result
        .ok_or(RpcError::Malformed("it has neither a result nor an error"))?
}

const WIDE: RpcError = RpcError::RangeTooWide {
    hint: None,
    max: None,
};

fn refused<T>(
    call: &Call<T>,
    endpoint: &Endpoint,
    status: StatusCode,
    refusal: &Refusal,
) -> RpcError {
    let Refusal { code, message } = refusal;
    let said = message.to_ascii_lowercase();
    if too_often(message) {
        return RpcError::RateLimited;
    }
    if let Some(wide) = wide(call, message) {
        return wide;
    }
    if let Some(by_status) = by_status(status, *code) {
        return by_status;
    }
    // -32051: a key that was switched off. -32001, "Unauthorized".
    if *code == -32_051 || said.contains("unauthorized") || said.contains("api key") {
        return RpcError::Unauthorized { code: *code };
    }
    if call.finalized {
        // Polygon's node says "finalized block not found" without a milestone
        // or a checkpoint.
        if said.contains("finalized") && said.contains("not found") {
            return RpcError::NoFinalized;
        }
        if unknown_tag(*code, &said) {
            return RpcError::TagUnsupported;
        }
    }
    if call.method == "eth_call" && reverted(*code, &said) {
        return RpcError::Reverted;
    }
    let clean: String = endpoint
        .without_secrets(message)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_MESSAGE_CHARS)
        .collect();
    RpcError::Refused {
        code: *code,
        message: clean,
    }
}

fn by_status(status: StatusCode, code: i64) -> Option<RpcError> {
    let code = if code == 0 {
        i64::from(status.as_u16())
    } else {
        code
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(RpcError::RateLimited),
        StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => {
            Some(RpcError::Unauthorized { code })
        }
        _ => None,
    }
}

fn wide<T>(call: &Call<T>, message: &str) -> Option<RpcError> {
    if call.method != "eth_getLogs" {
        return None;
    }
    let TooWide { hint, max, cause } = too_wide(message)?;
    Some(match cause {
        Cause::Blocks => RpcError::RangeTooWide { hint, max },
        Cause::Results => RpcError::TooManyResults { hint },
    })
}

/// A node that takes the tag for a malformed number.
fn unknown_tag(code: i64, said: &str) -> bool {
    let about_the_tag = [
        "hex string without 0x",
        "cannot unmarshal",
        "invalid block",
        "invalid argument",
        "invalid params",
        "unknown block",
        "block tag",
        "unsupported",
        "not supported",
        "unknown variant",
    ];
    code == -32_602 || about_the_tag.iter().any(|words| said.contains(words))
}

/// Code 3 is what geth and its kin use; others say it in words.
fn reverted(code: i64, said: &str) -> bool {
    code == 3
        || said.contains("execution reverted")
        || said.contains("vm execution error")
        || said.contains("invalid opcode")
        || said.contains("out of gas")
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
