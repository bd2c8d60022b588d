//! How a discount code is written.

use crate::pasted::Pasted;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest code, in characters.
pub const MAX_CODE_CHARS: usize = 64;

/// A code: 1 to [`MAX_CODE_CHARS`] characters `A-Z`, `0-9`, `_` and `-`. Buyers
/// type codes from mails and posters, so spaces around one and small letters
/// are read as if they were not there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeText(String);

/// Text that is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_CODE_CHARS} characters A-Z, 0-9, _ or -")]
pub struct InvalidCode;

impl CodeText {
    /// Reads a code as a buyer types it.
    ///
    /// # Errors
    /// [`InvalidCode`]. Only ASCII letters have a large form here: one of another
    /// alphabet that looks like `A` is not `A`.
    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        let code = text.trim().to_ascii_uppercase();
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
        if (1..=MAX_CODE_CHARS).contains(&code.len()) && code.bytes().all(fits) {
            Ok(Self(code))
        } else {
            Err(InvalidCode)
        }
    }

    /// Reads a code as a buyer pastes it: with spaces and invisible characters anywhere,
    /// other dashes, quotation marks or a label.
    ///
    /// # Errors
    /// [`InvalidCode`].
    pub fn pasted(text: &str) -> Result<Self, InvalidCode> {
        Self::parse(Pasted::new(text).as_str())
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CodeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CodeText {
    type Error = InvalidCode;

    fn try_from(text: String) -> Result<Self, InvalidCode> {
        Self::parse(&text)
    }
}

impl From<CodeText> for String {
    fn from(code: CodeText) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_are_read_as_they_are_typed() {
        for (typed, code) in [
            ("LAUNCH", "LAUNCH"),
            ("launch", "LAUNCH"),
            (" Launch-2027_a\t\n", "LAUNCH-2027_A"),
            ("7", "7"),
            ("-", "-"),
            (&"a".repeat(64), &"A".repeat(64)),
        ] {
            assert_eq!(
                CodeText::parse(typed).map(String::from),
                Ok(code.to_owned())
            );
        }
    }

    #[test]
    fn codes_are_read_as_they_are_pasted() {
        for pasted in [
            "launch-27",
            "LAUNCH\u{2011}27",
            "LAUNCH - 27",
            "\u{200b}LAUN\u{ad}CH-27\u{feff}",
            "Code: “LAUNCH-27”.",
            "ＬＡＵＮＣＨ－２７",
        ] {
            let code = CodeText::pasted(pasted).map(String::from);
            assert_eq!(code, Ok("LAUNCH-27".to_owned()), "{pasted}");
        }
        for bad in ["", "50%", "LAUNCH/27", "L\u{391}UNCH-27"] {
            assert_eq!(CodeText::pasted(bad), Err(InvalidCode), "{bad}");
        }
    }

    #[test]
    fn other_text_is_no_code() {
        let long = "A".repeat(65);
        for text in [
            "", " ", "A B", "A.B", "A/B", "A%", "50%", "Ä", "ß", "ſ", "А", "A\0", "A\u{a0}B", &long,
        ] {
            assert_eq!(CodeText::parse(text), Err(InvalidCode), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_code_reads_back_as_itself(text in "\\PC*|[ A-Za-z0-9_-]{0,70}") {
            if let Ok(code) = CodeText::parse(&text) {
                prop_assert_eq!(CodeText::parse(code.as_str()), Ok(code.clone()));
                prop_assert!(code.as_str().eq_ignore_ascii_case(text.trim()));
            }
        }
    }
}
