//! Ids, codes and hashes in requests, as people paste them.

use keywright_license::clean_pasted;
use serde::{Deserialize, Deserializer};

/// A text of a request without what copying and pasting adds; see
/// [`clean_pasted`]. Letter case stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pasted(String);

/// As [`Pasted`], for what has small letters only: slugs, UUIDs, hashes in hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastedLower(String);

impl Pasted {
    /// Cleans a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(clean_pasted(text).into_owned())
    }

    /// The clean text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The clean text; `None` if nothing is left.
    #[must_use]
    pub fn present(self) -> Option<String> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

impl PastedLower {
    /// Cleans a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(clean_pasted(text).to_ascii_lowercase())
    }

    /// The clean text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The clean text; `None` if nothing is left.
    #[must_use]
    pub fn present(self) -> Option<String> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

impl<'de> Deserialize<'de> for Pasted {
    fn deserialize<D: Deserializer<'de>>(member: D) -> Result<Self, D::Error> {
        String::deserialize(member).map(|text| Self::new(&text))
    }
}

impl<'de> Deserialize<'de> for PastedLower {
    fn deserialize<D: Deserializer<'de>>(member: D) -> Result<Self, D::Error> {
        String::deserialize(member).map(|text| Self::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cleaned_when_it_is_read() {
        let id = "019B3C5E-0000-7000-8000-00000000000A";
        let pasted = format!("\"Order: \u{200b}{id}\"");
        let text = serde_json::json!(pasted);
        let read = Pasted::deserialize(&text).expect("a text");
        assert_eq!(read.as_str(), id);
        let read = PastedLower::deserialize(&text).expect("a text");
        assert_eq!(read.present(), Some(id.to_ascii_lowercase()));
        assert_eq!(PastedLower::new("\u{ad} ").present(), None);
    }
}
