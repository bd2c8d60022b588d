//! Where a token comes from and whether it opens a product.

use crate::error::GateError;
use http::{HeaderMap, StatusCode, header};
use keywright_license::{TokenError, VerifyKeys, verify_token};

/// The token of a request: an `Authorization` header that starts with exactly
/// `Bearer ` wins, even when it is garbage; another scheme is passed over;
/// then `?token=`.
///
/// # Errors
/// 401 when there is none.
pub(crate) fn of_request(headers: &HeaderMap, query: Option<String>) -> Result<String, GateError> {
    let value = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let bearer = value.and_then(|value| value.strip_prefix("Bearer "));
    bearer
        .map(str::to_owned)
        .or(query)
        .ok_or_else(GateError::token_missing)
}

/// Checks a token for `product` at `now`, in unix seconds.
///
/// # Errors
/// 403 `wrong-product` and `channel-expired`; 401 with the code of what else
/// is wrong, in the order base64, length, signature, JSON, product, expiry.
pub(crate) fn check(
    token: &str,
    keys: &VerifyKeys,
    product: &str,
    now: i64,
) -> Result<(), GateError> {
    verify_token(token, keys, product, now)
        .map(drop)
        .map_err(|error| {
            let status = match error {
                TokenError::WrongProduct { .. } | TokenError::ChannelExpired { .. } => {
                    StatusCode::FORBIDDEN
                }
                _ => StatusCode::UNAUTHORIZED,
            };
            GateError::new(status, error.code())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn token(authorization: Option<&'static str>, query: Option<&str>) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        of_request(&headers, query.map(str::to_owned)).ok()
    }

    #[test]
    fn the_header_wins_and_other_schemes_are_passed_over() {
        assert_eq!(token(Some("Bearer a"), Some("b")).as_deref(), Some("a"));
        assert_eq!(token(Some("Bearer "), Some("b")).as_deref(), Some(""));
        assert_eq!(token(Some("bearer a"), Some("b")).as_deref(), Some("b"));
        assert_eq!(token(Some("Basic a"), Some("b")).as_deref(), Some("b"));
        assert_eq!(token(None, Some("b")).as_deref(), Some("b"));
        assert_eq!(token(Some("Basic a"), None), None);
    }
}
