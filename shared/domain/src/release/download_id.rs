//! Download ids: what a site's owner pastes into Joomla's "Download Key".

use serde::{Deserialize, Serialize};
use std::fmt;

/// Random digits of a download id.
pub const RANDOM_BYTES: usize = 14;

/// 28 random digits and 4 check digits, all lower-case hex: the check digits
/// are the last four of the CRC-32 (IEEE 802.3) over the 28 digits as ASCII, so
/// that a mistyped id is told from an unknown one without a look-up. It opens
/// the downloads of one license and nothing else, because it stands in URLs and
/// in the database of a web site.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DownloadId(String);

/// Text that is not a [`DownloadId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a download id has 32 characters 0-9 and a-f; check that it was copied whole")]
pub struct NotADownloadId;

impl DownloadId {
    /// Makes an id of random bytes.
    #[must_use]
    pub fn from_random(random: [u8; RANDOM_BYTES]) -> Self {
        let digits = random
            .iter()
            .fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        let check = check_digits(&digits);
        Self(digits + &check)
    }

    /// Reads an id.
    ///
    /// # Errors
    /// [`NotADownloadId`] when it is not 32 lower-case hex digits or the check
    /// digits do not fit.
    pub fn parse(text: &str) -> Result<Self, NotADownloadId> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let whole = text.len() == 2 * RANDOM_BYTES + 4 && text.bytes().all(is_hex);
        match text.split_at_checked(2 * RANDOM_BYTES) {
            Some((digits, check)) if whole && check_digits(digits) == check => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NotADownloadId),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
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
    type Error = NotADownloadId;

    fn try_from(text: String) -> Result<Self, NotADownloadId> {
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
    fn refuses_other_shapes() {
        let id = DownloadId::from_random([0xab; RANDOM_BYTES]);
        let upper = id.as_str().to_ascii_uppercase();
        for text in [
            "",
            "é",
            &id.as_str()[1..],
            &format!("{}0", id.as_str()),
            &upper,
        ] {
            assert_eq!(DownloadId::parse(text), Err(NotADownloadId), "{text:?}");
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
