//! What each updater's client looks for in a release: which of its files, and
//! what of the release's metadata.

pub mod appcast;
pub mod electron;
pub mod joomla;
pub mod sparkle;
pub mod tauri;

use super::statement::FileName;
use super::{Platform, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A file of a release, as far as it matters for choosing one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// What it runs on.
    pub platform: Platform,
    /// The name it is saved under.
    pub file_name: FileName,
}

impl Listed {
    /// Where the file's ending stands in `endings`, the one looked for first at
    /// 0; `None` when it has none of them. Case does not matter.
    fn ending(&self, endings: &[&str]) -> Option<usize> {
        let name = self.file_name.as_str().to_ascii_lowercase();
        endings.iter().position(|ending| name.ends_with(ending))
    }

    /// Whether nothing about the file's name tells what kind of file it is.
    fn is_unnamed(&self) -> bool {
        [
            electron::WINDOWS,
            electron::MAC,
            electron::LINUX,
            tauri::ENDINGS,
        ]
        .iter()
        .all(|endings| self.ending(endings).is_none())
    }
}

/// An updater that has a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Updater {
    /// electron-updater.
    Electron,
    /// Joomla sites.
    Joomla,
    /// Sparkle.
    Sparkle,
    /// Tauri 2.
    Tauri,
}

impl Updater {
    /// Every updater.
    pub const ALL: [Self; 4] = [Self::Electron, Self::Joomla, Self::Sparkle, Self::Tauri];

    /// Its name, which is also that of its member of a release's metadata.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Electron => "electron",
            Self::Joomla => "joomla",
            Self::Sparkle => "sparkle",
            Self::Tauri => "tauri",
        }
    }
}

/// The releases that some client needs, of a list whose newest is first. One is left
/// out where a newer one `covers` it: every client that could take it takes the newer
/// one. At most `most`.
pub fn needed<T>(
    newest_first: impl IntoIterator<Item = T>,
    covers: impl Fn(&T, &T) -> bool,
    most: usize,
) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for release in newest_first {
        if kept.len() == most {
            break;
        }
        if !kept.iter().any(|newer| covers(newer, &release)) {
            kept.push(release);
        }
    }
    kept
}

/// Whether whoever has the minimum `older` has the minimum `newer`; `None` is no
/// minimum. Minimums that are no versions cover only themselves.
fn is_no_higher(newer: Option<&str>, older: Option<&str>) -> bool {
    match (newer, older) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(newer), Some(older)) => {
            newer == older
                || match (Version::parse_lenient(newer), Version::parse_lenient(older)) {
                    (Ok(newer), Ok(older)) => newer <= older,
                    _ => false,
                }
        }
    }
}

/// What a client sends, where it says something: nothing for text without content,
/// and for a placeholder that nobody filled in, such as `{{bundle_type}}`, `${arch}`
/// or `%channel%`. Nothing understood is never the same as nothing new.
#[must_use]
pub fn filled_in(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_placeholder = [("{", "}"), ("${", "}"), ("$(", ")"), ("%", "%"), ("<", ">")]
        .iter()
        .any(|(start, end)| text.starts_with(start) && text.ends_with(end));
    (!text.is_empty() && !is_placeholder).then_some(text)
}

/// Whether a client that reads Semantic Versioning strictly reads this version.
fn is_semantic(version: &Version) -> Option<semver::Version> {
    semver::Version::parse(version.as_str()).ok()
}

/// The members of a release's metadata that one updater's feed reads.
#[derive(Debug, Clone, Copy)]
struct Members<'a>(Option<&'a Map<String, Value>>);

impl<'a> Members<'a> {
    fn of(metadata: &'a Map<String, Value>, updater: &str) -> Self {
        Self(metadata.get(updater).and_then(Value::as_object))
    }

    fn get(self, name: &str) -> Option<&'a Value> {
        self.0.and_then(|members| members.get(name))
    }

    /// A text member without the white space around it; a number counts as its
    /// digits; empty counts as absent.
    fn text(self, name: &str) -> Option<String> {
        text_of(self.get(name)?)
    }
}

fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
pub(super) fn listed(files: &[(&str, &str)]) -> Vec<Listed> {
    files
        .iter()
        .map(|(platform, file_name)| Listed {
            platform: Platform::parse(platform).expect(platform),
            file_name: FileName::parse(file_name).expect(file_name),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_says_nothing() {
        for text in [
            "",
            " \t",
            "{{bundle_type}}",
            " {{ target }} ",
            "{arch}",
            "${arch}",
            "$(arch)",
            "%channel%",
            "<channel>",
        ] {
            assert_eq!(filled_in(text), None, "{text:?}");
        }
        for text in ["deb", " deb ", "client-{1}", "50%", "$5"] {
            assert_eq!(filled_in(text), Some(text.trim()), "{text:?}");
        }
    }
}
