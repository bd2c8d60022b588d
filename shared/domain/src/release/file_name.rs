//! The name a file of a release is saved under.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// All but RFC 3986's unreserved characters.
const ESCAPED_IN_URLS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The name a file is saved under: 1 to [`FileName::MAX_BYTES`] bytes of UTF-8 that every
/// file system takes as one name. It has no control or invisible characters and none of
/// `/ \ : * ? " < > |`, does not start with a dot, a space or `-`, does not end in a dot or
/// a space, and is no device of Windows (`CON`, `NUL.txt`).
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// Longest name in bytes.
    pub const MAX_BYTES: usize = 200;

    /// Reads a name; `None` when it breaks the grammar.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = (1..=Self::MAX_BYTES).contains(&text.len())
            && text.chars().all(is_portable)
            && !text.starts_with(['.', ' ', '-'])
            && !text.ends_with(['.', ' '])
            && !is_device(text);
        good.then(|| Self(text.to_owned()))
    }

    /// The last part of a path of any system: `C:\out\app.exe` is `app.exe` here too.
    ///
    /// # Errors
    /// Says what a name must be.
    pub fn of_path(path: &str) -> Result<Self, &'static str> {
        let name = path.rsplit(['/', '\\']).next();
        Self::try_from(name.unwrap_or_default().to_owned())
    }

    /// Percent-encoded, for one segment of a URL's path.
    #[must_use]
    pub fn in_url(&self) -> String {
        utf8_percent_encode(&self.0, ESCAPED_IN_URLS).to_string()
    }
}

/// True for a character that may stand in a name on every file system, and that a reader
/// sees.
fn is_portable(c: char) -> bool {
    let is_invisible = c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e0fff}');
    !is_invisible && !matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// True for a name that Windows reserves for a device, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_uppercase();
    let numbered = ["COM", "LPT"]
        .iter()
        .find_map(|port| stem.strip_prefix(port));
    matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) || numbered.is_some_and(|n| {
        matches!(
            n,
            "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³"
        )
    })
}

impl FileName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::parse(&text).ok_or(
            "file_name must be 1 to 200 bytes without control or invisible characters and / \\ : * ? \" < > |, must not start with . - or space or end in . or space, and must not be a device of Windows such as CON",
        )
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_names_on_every_system() {
        for text in [
            "a",
            "Demo (1.2).dmg",
            "demo_1.2.0+b.tar.gz",
            "demo_2.6.0~rc.1-1_amd64.deb",
            "Anna's Notes & More #2 100%.zip",
            "Bücher 2.exe",
            "メモ.dmg",
            "com0",
            "console.txt",
            "COM10.exe",
        ] {
            assert!(FileName::parse(text).is_some(), "{text}");
        }
        let long = "ü".repeat(101);
        for text in [
            "",
            ".a",
            "a.",
            " a",
            "a ",
            "-a",
            "a/b",
            "a\\b",
            "a\"b",
            "a\tb",
            "a:b",
            "a*",
            "a?",
            "a<b",
            "a|b",
            "a\u{a0}b",
            "a\u{202e}gpj.exe",
            "a\u{200b}",
            "a\u{7f}",
            "a\0",
            "CON",
            "nul.txt",
            "Com1.tar.gz",
            "lpt9",
            "aux .h",
            "..",
            &long,
        ] {
            assert_eq!(FileName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_name_is_the_end_of_a_path_and_one_segment_of_a_url() {
        for path in [
            "C:\\out\\app.exe",
            "out/app.exe",
            "\\\\server\\share\\app.exe",
            "app.exe",
        ] {
            let name = FileName::of_path(path).map(String::from);
            assert_eq!(name.as_deref(), Ok("app.exe"), "{path}");
        }
        assert!(FileName::of_path("out/").is_err());
        for (name, url) in [
            ("demo_2.6.0~rc.1-1_amd64.deb", "demo_2.6.0~rc.1-1_amd64.deb"),
            ("a b+c&d#e%f'.zip", "a%20b%2Bc%26d%23e%25f%27.zip"),
            ("Bücher.exe", "B%C3%BCcher.exe"),
        ] {
            assert_eq!(FileName::parse(name).expect(name).in_url(), url);
        }
    }
}
