//! Hexadecimal text of JSON-RPC: `0x` before every value; quantities without
//! leading zeros, data with an even number of digits.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

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
}
