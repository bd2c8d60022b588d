//! Hexadecimal text of JSON-RPC: `0x` before every value; quantities without
//! leading zeros, data with an even number of digits.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use keywright_domain::pasted::Pasted;

/// Bytes as `0x` and lower-case digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    format!("0x{}", HEXLOWER.encode(bytes))
}

/// Reads data: `0x` and two digits for each byte.
pub(crate) fn data(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()
}

/// Reads data of exactly so many bytes.
pub(crate) fn fixed<const N: usize>(text: &str) -> Option<[u8; N]> {
    data(text)?.try_into().ok()
}

/// Text that somebody pasted for `0x` and a number of digits, and what probably happened to
/// it. The text follows the member's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 0x and {digits} hexadecimal digits; {cause}")]
pub struct PastedHexError {
    digits: usize,
    cause: HexCause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum HexCause {
    #[error("it is missing")]
    Missing,
    #[error("the 0x before it is missing")]
    Prefix,
    #[error("this one was shortened, copy all of it")]
    Shortened,
    #[error("this one was pasted more than once")]
    Doubled,
    #[error("{0:?} is no such digit")]
    Digit(char),
    #[error("{0} of its digits are missing")]
    Cut(usize),
    #[error("it has {0} digits too many")]
    Long(usize),
}

/// Cleans what somebody pasted for `0x` and so many digits, or the address of an explorer's
/// page that ends in it.
pub(crate) fn pasted(text: &str, digits: usize) -> Result<String, PastedHexError> {
    let refused = |cause| PastedHexError { digits, cause };
    let clean = Pasted::new(text);
    let last = clean.as_str().rsplit('/').next().unwrap_or_default();
    let start = last
        .get(..2)
        .filter(|start| start.eq_ignore_ascii_case("0x"));
    let found = start.map_or(last, |start| &last[start.len()..]);
    let is_digit = |c: char| c.is_ascii_hexdigit();
    Err(refused(if found.is_empty() {
        HexCause::Missing
    } else if found.contains(['\u{2026}', '.']) {
        HexCause::Shortened
    } else if found.contains("0x") {
        HexCause::Doubled
    } else if let Some(other) = found.chars().find(|c| !is_digit(*c)) {
        HexCause::Digit(other)
    } else if found.len() < digits {
        HexCause::Cut(digits - found.len())
    } else if found.len() > digits {
        HexCause::Long(found.len() - digits)
    } else if start.is_none() {
        HexCause::Prefix
    } else {
        return Ok(format!("0x{found}"));
    }))
}

/// Reads a quantity below 2^63. Leading zeros are let pass: some nodes write
/// them, and they change nothing.
pub(crate) fn quantity(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u64::from_str_radix(digits, 16).ok()?;
    i64::try_from(number).ok().map(|_| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_and_data_are_read_strictly() {
        for (text, number) in [
            ("0x0", Some(0)),
            ("0x89", Some(137)),
            ("0x0089", Some(137)),
            ("0x7fffffffffffffff", Some(u64::MAX >> 1)),
            ("0x8000000000000000", None),
            ("0x10000000000000000", None),
            ("0x", None),
            ("89", None),
            ("0x+9", None),
            ("0x-9", None),
            ("0x 9", None),
            ("", None),
        ] {
            assert_eq!(quantity(text), number, "{text:?}");
        }
        assert_eq!(data("0x"), Some(Vec::new()));
        assert_eq!(data("0xAb01"), Some(vec![0xab, 1]));
        for text in ["", "ab", "0xa", "0xzz", "0X00"] {
            assert_eq!(data(text), None, "{text:?}");
        }
        assert_eq!(fixed::<2>("0xab"), None);
        assert_eq!(encode(&[0, 0xab]), "0x00ab");
    }

    #[test]
    fn what_was_pasted_is_cleaned_or_explained() {
        for text in [
            "0xAb01",
            " 0XAb01\r\n",
            "Transaction: 0x\u{200b}Ab 01",
            "“0xAb01”",
            "https://polygonscan.com/tx/0xAb01",
        ] {
            assert_eq!(pasted(text, 4), Ok("0xAb01".to_owned()), "{text}");
        }
        for (text, cause) in [
            ("", "it is missing"),
            ("0x", "it is missing"),
            ("0xAb0", "1 of its digits are missing"),
            ("Ab01", "the 0x before it is missing"),
            ("0xAb012", "it has 1 digits too many"),
            ("0xAb010xAb01", "this one was pasted more than once"),
            ("0xA\u{2026}1", "this one was shortened, copy all of it"),
            ("0xA...1", "this one was shortened, copy all of it"),
            ("0xAbg1", "'g' is no such digit"),
            ("0x\u{391}b01", "'\u{391}' is no such digit"),
        ] {
            let refused = pasted(text, 4).expect_err(text).to_string();
            let message = format!("must be 0x and 4 hexadecimal digits; {cause}");
            assert_eq!(refused, message, "{text}");
        }
    }
}
