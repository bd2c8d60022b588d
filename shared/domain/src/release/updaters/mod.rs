//! What each updater's client looks for in a release: which of its files, and
//! what of the release's metadata.

pub mod electron;
pub mod joomla;
pub mod sparkle;
pub mod tauri;

use super::Platform;
use super::statement::FileName;
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
fn listed(files: &[(&str, &str)]) -> Vec<Listed> {
    files
        .iter()
        .map(|(platform, file_name)| Listed {
            platform: Platform::parse(platform).expect(platform),
            file_name: FileName::parse(file_name).expect(file_name),
        })
        .collect()
}
