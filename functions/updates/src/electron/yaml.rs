//! Writing the YAML of a channel file: mappings of plain keys to scalars, and
//! one list of them.

use std::fmt::Write as _;

/// A text as a double-quoted scalar. JSON's strings are YAML's (YAML 1.2,
/// section 7.3.1), but for the characters that JSON lets stand as they are and
/// YAML does not (section 5.1).
pub(super) fn text(value: &str) -> String {
    let json = serde_json::Value::from(value).to_string();
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        let printable = !matches!(
            c,
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        );
        if printable {
            text.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(text("a: \"b\"\n#c"), r#""a: \"b\"\n#c""#);
        assert_eq!(text("\u{85}\u{2028}é😀"), "\"\\u0085\\u2028é😀\"");
    }

    proptest! {
        #[test]
        fn a_text_is_one_line_and_reads_as_json(value in any::<String>()) {
            let written = text(&value);
            let breaks = written.chars().any(|c| c.is_control() || c == '\u{2028}');
            prop_assert!(!breaks, "{}", written);
            let read: String = serde_json::from_str(&written).expect("JSON");
            prop_assert_eq!(read, value);
        }
    }
}
