//! Download ids: what a site's owner pastes into Joomla's "Download Key".

use std::fmt;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::clean_pasted;

const RANDOM_BYTES: usize = 14;
const RANDOM_DIGITS: usize = 2 * RANDOM_BYTES;
/// Digits of a download id: those that are random, and four check digits.
pub(crate) const DIGITS: usize = RANDOM_DIGITS + 4;

/// Opens the downloads of one license and nothing else, because it stands in URLs and
/// in the database of a web site.
///
/// 28 random digits and 4 check digits, all lower-case hex. The check digits are the
/// last four of the CRC-32 (IEEE 802.3) over the 28 digits as ASCII, so that a
/// mistyped id can be distinguished from an unknown one without a lookup.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DownloadId(String);

/// Why a text is not a [`DownloadId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadIdError {
    /// A character that is no hex digit.
    #[error("a download id has only the characters 0-9 and a-f")]
    BadCharacter,
    /// Fewer than 32 characters.
    #[error("part of the download id is missing: {missing} of its {DIGITS} characters")]
    TooShort {
        /// How many characters are missing.
        missing: usize,
    },
    /// More than 32 characters.
    #[error("a download id has {DIGITS} characters, and this text has {length}; paste it once")]
    TooLong {
        /// Length of the text in characters.
        length: usize,
    },
    /// The check digits do not fit.
    #[error("a character of the download id is wrong; copy it again")]
    BadCheckDigits,
}

impl DownloadId {
    /// Makes an id of random bytes.
    #[must_use]
    pub fn from_random(random: [u8; RANDOM_BYTES]) -> Self {
        let digits = HEXLOWER.encode(&random);
        let check = check_digits(&digits);
        Self(digits + &check)
    }

    /// Reads an id as people paste it; see [`clean_pasted`]. Letter case does not
    /// matter, and neither does writing `O` for `0`, or `I` or `L` for `1`.
    ///
    /// # Errors
    /// [`DownloadIdError`].
    pub fn parse(text: &str) -> Result<Self, DownloadIdError> {
        let text: String = clean_pasted(text).chars().map(digit).collect();
        if !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(DownloadIdError::BadCharacter);
        }
        if text.len() > DIGITS {
            return Err(DownloadIdError::TooLong { length: text.len() });
        }
        match text.split_at_checked(RANDOM_DIGITS) {
            Some((digits, check)) if text.len() == DIGITS => {
                if check_digits(digits) == check {
                    Ok(Self(text))
                } else {
                    Err(DownloadIdError::BadCheckDigits)
                }
            }
            _ => Err(DownloadIdError::TooShort {
                missing: DIGITS - text.len(),
            }),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The digit that a character stands for where only hex digits can.
pub(crate) fn digit(c: char) -> char {
    match c.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    }
}

fn check_digits(digits: &str) -> String {
    format!("{:04x}", crc32fast::hash(digits.as_bytes()) & 0xffff)
}

impl fmt::Debug for DownloadId {
    /// The first digits only: it is a secret, if a small one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DownloadId({}…)", &self.0[..4])
    }
}

impl TryFrom<String> for DownloadId {
    type Error = DownloadIdError;

    fn try_from(text: String) -> Result<Self, DownloadIdError> {
        Self::parse(&text)
    }
}

impl From<DownloadId> for String {
    fn from(id: DownloadId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn check_digits_are_those_of_crc_32() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
        let id = DownloadId::from_random([0; RANDOM_BYTES]);
        let zeros = "0".repeat(28);
        assert_eq!(id.as_str(), format!("{zeros}{}", check_digits(&zeros)));
        assert_eq!(format!("{id:?}"), "DownloadId(0000…)");
    }

    #[test]
    fn pasted_forms_are_the_same_id() {
        let id = DownloadId::from_random([0x10; RANDOM_BYTES]);
        let text = id.as_str();
        for pasted in [
            text.to_ascii_uppercase(),
            format!(" {text}\r\n"),
            format!("Download ID: {text}"),
            format!("“{text}”"),
            format!("{}\u{200b}{}", &text[..9], &text[9..]),
            format!("{} {}", &text[..16], &text[16..]),
            text.replace('0', "O"),
            text.replace('1', "l"),
        ] {
            assert_eq!(DownloadId::parse(&pasted), Ok(id.clone()), "{pasted:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_likely_cause() {
        let id = DownloadId::from_random([0xab; RANDOM_BYTES]);
        let text = id.as_str();
        for (pasted, error) in [
            (String::new(), DownloadIdError::TooShort { missing: 32 }),
            (
                text[3..].to_owned(),
                DownloadIdError::TooShort { missing: 3 },
            ),
            (text.repeat(2), DownloadIdError::TooLong { length: 64 }),
            (format!("{}x", &text[1..]), DownloadIdError::BadCharacter),
            ("é".to_owned(), DownloadIdError::BadCharacter),
            (format!("b{}", &text[1..]), DownloadIdError::BadCheckDigits),
        ] {
            assert_eq!(DownloadId::parse(&pasted), Err(error), "{pasted:?}");
        }
    }

    proptest! {
        #[test]
        fn every_wrong_digit_is_noticed(random: [u8; RANDOM_BYTES], at in 0usize..32, digit in 0u8..16) {
            let id = DownloadId::from_random(random);
            prop_assert_eq!(DownloadId::parse(id.as_str()), Ok(id.clone()));
            let mut text = id.as_str().to_owned();
            text.replace_range(at..=at, &format!("{digit:x}"));
            prop_assert_eq!(DownloadId::parse(&text).is_ok(), text == id.as_str());
        }
    }
}
