//! Values and files that people and build systems hand over: trimmed, without the
//! quotation marks, byte order marks and line ends that came along.

use crate::error::CliError;
use std::path::Path;

/// The value without surrounding white space, byte order mark and quotation marks: a
/// `.env` file that Docker reads keeps the quotes, and a file from Windows the rest.
pub(crate) fn clean(text: &str) -> &str {
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\0');
    let mut text = text.trim_matches(blank);
    for quote in ['"', '\''] {
        let inside = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
        text = inside.map_or(text, |inside| inside.trim_matches(blank));
    }
    text
}

/// An environment variable, cleaned; `None` when it is not set or empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let value = clean(&value);
    (!value.is_empty()).then(|| value.to_owned())
}

/// Reads an argument or variable that is one word.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the form of a parser of arguments"
)]
pub(crate) fn word(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(clean(text).to_owned())
}

/// A text file in UTF-8, or in UTF-16 as PowerShell writes it.
pub(crate) fn read_text(path: &Path) -> Result<String, CliError> {
    let bytes = std::fs::read(path).map_err(|error| CliError::file(path, error))?;
    text(&bytes).ok_or_else(|| CliError::file(path, "the file is not text in UTF-8"))
}

fn text(bytes: &[u8]) -> Option<String> {
    let utf_16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| pair.try_into().ok().map(unit));
        String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf_16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf_16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lose_what_came_along() {
        for given in [
            "kw_key",
            " kw_key\r\n",
            "\u{feff}kw_key\n",
            "\"kw_key\"",
            "'kw_key'\r\n",
            "\u{feff}\" kw_key \"\n",
            "\"'kw_key'\"",
            "kw_key\0",
        ] {
            assert_eq!(clean(given), "kw_key", "{given:?}");
        }
        // One quotation mark, or one inside, belongs to the value.
        for given in ["\"kw", "kw'", "k\"w", "'"] {
            assert_eq!(clean(given), given);
        }
        assert_eq!(clean(" \r\n"), "");
        assert_eq!(clean("\"\""), "");
    }

    #[test]
    fn text_is_read_in_the_encodings_that_editors_write() {
        let utf_16 = |order: fn(u16) -> [u8; 2]| {
            let units = "\u{feff}kw ü\r\n".encode_utf16();
            units.flat_map(order).collect::<Vec<u8>>()
        };
        for bytes in [
            "kw ü\r\n".as_bytes().to_vec(),
            "\u{feff}kw ü\r\n".as_bytes().to_vec(),
            utf_16(u16::to_le_bytes),
            utf_16(u16::to_be_bytes),
        ] {
            assert_eq!(text(&bytes).as_deref(), Some("kw ü\r\n"), "{bytes:?}");
        }
        for bytes in [&b"\xff\xfek"[..], b"\xc3", b"\xff\xfe\x00\xd8"] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
    }
}
