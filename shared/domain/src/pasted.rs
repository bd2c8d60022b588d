//! Ids, codes and hashes in requests, as people paste them.

use keywright_license::{clean_pasted, is_format_character};
use serde::{Deserialize, Deserializer};

/// Characters of a UUID with its dashes.
const UUID_CHARS: usize = 36;

/// A text of a request without what copying and pasting adds; see
/// [`clean_pasted`]. Letter case stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pasted(String);

/// As [`Pasted`], for what has small letters only: slugs, UUIDs, hashes in hexadecimal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastedLower(String);

/// A text of punctuation alone is kept, so that it is looked for and not found: nothing
/// would mean that nothing was sent.
fn clean(text: &str) -> String {
    let clean = clean_pasted(text);
    if clean.is_empty() {
        let visible = text.chars().filter(|c| !is_format_character(*c));
        visible.collect::<String>().trim().to_owned()
    } else {
        clean.into_owned()
    }
}

impl Pasted {
    /// Cleans a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(clean(text))
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

    /// An id: a UUID in small letters, and one of another system as it is; `None` if
    /// nothing is left.
    #[must_use]
    pub fn id(self) -> Option<String> {
        let is_uuid = |b: u8| b.is_ascii_hexdigit() || b == b'-';
        let mut id = self.present()?;
        if id.len() == UUID_CHARS && id.bytes().all(is_uuid) {
            id.make_ascii_lowercase();
        }
        Some(id)
    }
}

impl PastedLower {
    /// Cleans a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(clean(text).to_ascii_lowercase())
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
        assert_eq!(Pasted::new(&pasted).id(), Some(id.to_ascii_lowercase()));
        assert_eq!(Pasted::new(" '").present(), Some("'".to_owned()));
        assert_eq!(Pasted::new(" Gh7xY2 ").id(), Some("Gh7xY2".to_owned()));
    }
}
