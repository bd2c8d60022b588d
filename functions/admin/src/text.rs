//! Limits of what an operator may write.

use keywright_domain::dates::parse_rfc3339;
use keywright_domain::email::EmailAddress;
use keywright_web::ApiError;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Longest note or reason, in bytes.
pub(crate) const MAX_NOTE_BYTES: usize = 2_000;

/// Longest description or JSON member, in bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 20_000;

/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Checks a text member: at most so many bytes, and none of them zero, which
/// ends a text for some readers of the database.
pub(crate) fn check(member: &str, text: &str, max_bytes: usize) -> Result<(), ApiError> {
    if text.len() > max_bytes {
        return Err(ApiError::bad_request(format!(
            "{member} must not be longer than {max_bytes} bytes"
        )));
    }
    if text.contains('\0') {
        return Err(ApiError::bad_request(format!(
            "{member} must not contain U+0000"
        )));
    }
    Ok(())
}

/// An e-mail address in the form in which it is recorded; `None` for an empty text.
///
/// # Errors
/// [`ApiError::email`] for what is none.
pub(crate) fn email(member: &str, text: &str) -> Result<Option<String>, ApiError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    EmailAddress::parse(text)
        .map(|address| Some(address.into()))
        .map_err(|error| ApiError::email(member, error))
}

/// Checks the name of something for people.
pub(crate) fn check_name(name: &str) -> Result<(), ApiError> {
    if name.trim().is_empty() {
        return Err(ApiError::bad_request("name must not be empty"));
    }
    check("name", name, MAX_NAME_BYTES)
}

/// Checks free-form members.
pub(crate) fn check_metadata(metadata: &Value) -> Result<(), ApiError> {
    if !metadata.is_object() || metadata.to_string().len() > MAX_TEXT_BYTES {
        return Err(ApiError::bad_request(format!(
            "metadata must be a JSON object of at most {MAX_TEXT_BYTES} bytes"
        )));
    }
    Ok(())
}

/// A time of a request in unix seconds.
pub(crate) fn time(member: &str, text: &str) -> Result<i64, ApiError> {
    parse_rfc3339(text).map_err(|_| {
        ApiError::bad_request(format!("{member} must be a time like 2026-01-31T12:00:00Z"))
    })
}

/// The text without the spaces around it; `None` when nothing is left.
pub(crate) fn present(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// Tells null (`Some(None)`) from absent (`None`).
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    member: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(member).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_limits() {
        assert!(check("note", "", 3).is_ok());
        assert!(check("note", "abc", 3).is_ok());
        for bad in ["abcd", "ää", "a\0"] {
            let refused = check("note", bad, 3).expect_err(bad);
            assert_eq!(refused.status().as_u16(), 400);
            assert!(
                refused.message().starts_with("note must not "),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn spaces_are_nothing() {
        assert_eq!(present(Some(" \t".to_owned())), None);
        assert_eq!(present(Some(" a b ".to_owned())), Some("a b".to_owned()));
        assert_eq!(present(None), None);
    }
}
