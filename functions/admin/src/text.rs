//! Limits of what an operator may write.

use keywright_web::ApiError;
use serde::{Deserialize, Deserializer};

/// Longest note, reason or e-mail address, in bytes.
pub(crate) const MAX_NOTE_BYTES: usize = 2_000;

/// Checks a text member: at most so many bytes, and none of them zero, which
/// ends a text for some readers of the database.
pub(crate) fn check(member: &str, text: &str, max_bytes: usize) -> Result<(), ApiError> {
    if text.len() > max_bytes {
        return Err(ApiError::bad_request(format!(
            "{member}: longer than {max_bytes} bytes"
        )));
    }
    if text.contains('\0') {
        return Err(ApiError::bad_request(format!(
            "{member}: text without U+0000"
        )));
    }
    Ok(())
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
            assert!(refused.message().starts_with("note: "), "{refused:?}");
        }
    }

    #[test]
    fn spaces_are_nothing() {
        assert_eq!(present(Some(" \t".to_owned())), None);
        assert_eq!(present(Some(" a b ".to_owned())), Some("a b".to_owned()));
        assert_eq!(present(None), None);
    }
}
