//! What the vendor states about a file when signing it.

pub use super::file_name::FileName;
use super::{Channel, Platform, Version};
use crate::slug::Slug;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::fmt;

/// A file's place in a release. It is the trusted comment of the file's
/// signature, so that a file cannot be passed off as another version, channel,
/// platform or product: `key:value` items separated by tabs, in this order:
///
/// `timestamp` (unix seconds), `file`, `version`, `product`, `channel`,
/// `platform`, `size` (bytes), `sha256` (lower-case hex).
///
/// `minisign` itself writes the first two and Tauri reads `version`. In `file`, `%` and
/// what is not ASCII is percent-encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// When it was signed, in unix seconds.
    pub timestamp: i64,
    /// The file's name, as it is saved.
    pub file_name: FileName,
    /// The version.
    pub version: Version,
    /// The product.
    pub product: Slug,
    /// The channel.
    pub channel: Channel,
    /// The platform.
    pub platform: Platform,
    /// The file's size in bytes.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: Sha256Hex,
}

/// A trusted comment that is not a [`Statement`]; the item that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the signed statement has no good `{0}`; sign the file with `keywright release publish`")]
pub struct NotAStatement(pub &'static str);

impl Statement {
    /// Reads a trusted comment. The items are expected in order and complete;
    /// what follows them is for later versions and is not looked at.
    ///
    /// # Errors
    /// [`NotAStatement`] with the first item that is missing or not as its
    /// grammar wants it.
    pub fn parse(comment: &str) -> Result<Self, NotAStatement> {
        let mut items = comment.split('\t');
        let mut item = |key: &'static str| {
            let (found, value) = items.next().and_then(|item| item.split_once(':'))?;
            (found == key).then_some(value)
        };
        Ok(Self {
            timestamp: good("timestamp", item("timestamp").and_then(|v| v.parse().ok()))?,
            file_name: good("file", item("file").and_then(from_comment))?,
            version: good(
                "version",
                item("version").and_then(|v| Version::parse(v).ok()),
            )?,
            product: good("product", item("product").and_then(|v| Slug::parse(v).ok()))?,
            channel: good("channel", item("channel").and_then(|v| v.parse().ok()))?,
            platform: good(
                "platform",
                item("platform").and_then(|v| Platform::parse(v).ok()),
            )?,
            size: good("size", item("size").and_then(|v| v.parse().ok()))?,
            sha256: good("sha256", item("sha256").and_then(Sha256Hex::parse))?,
        })
    }
}

/// The value where it is there and good, else which one is not.
fn good<T>(key: &'static str, value: Option<T>) -> Result<T, NotAStatement> {
    value.ok_or(NotAStatement(key))
}

impl fmt::Display for Statement {
    /// Writes the trusted comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            timestamp,
            file_name,
            version,
            product,
            channel,
            platform,
            size,
            sha256,
        } = self;
        let file_name = in_comment(file_name);
        write!(
            f,
            "timestamp:{timestamp}\tfile:{file_name}\tversion:{version}\tproduct:{product}\tchannel:{channel}\tplatform:{platform}\tsize:{size}\tsha256:{sha256}"
        )
    }
}

macro_rules! text_type {
    ($type:ident, $message:literal) => {
        impl $type {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $type {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, &'static str> {
                Self::parse(&text).ok_or($message)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }
    };
}

/// A SHA-256 digest as 64 lower-case hex digits.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// Reads a digest; `None` when it is not 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, 64).then(|| Self(text.to_owned()))
    }
}

text_type!(Sha256Hex, "must be 64 characters 0-9 and a-f");

/// A SHA-512 digest as 128 lower-case hex digits.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Sha512Hex(String);

impl Sha512Hex {
    /// Reads a digest; `None` when it is not 128 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_hex(text, 128).then(|| Self(text.to_owned()))
    }
}

text_type!(Sha512Hex, "must be 128 characters 0-9 and a-f");

fn is_hex(text: &str, length: usize) -> bool {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == length && text.bytes().all(digit)
}

/// A file name in a statement: tools that print a trusted comment, and shells that cut it,
/// get printable ASCII.
fn in_comment(name: &FileName) -> String {
    const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(name.as_str(), ESCAPED).to_string()
}

/// Reads what [`in_comment`] writes, and nothing else.
fn from_comment(text: &str) -> Option<FileName> {
    let bytes = percent_decode_str(text);
    let name = FileName::parse(&bytes.decode_utf8().ok()?)?;
    (in_comment(&name) == text).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMENT: &str = "timestamp:1700000000\tfile:demo-1.2.0.tar.gz\tversion:1.2.0\tproduct:demo\tchannel:stable\tplatform:x86_64-unknown-linux-gnu\tsize:42\tsha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn reads_what_it_writes() {
        let statement = Statement::parse(COMMENT).expect("a statement");
        assert_eq!(statement.to_string(), COMMENT);
        assert_eq!(statement.size, 42);
        let later = format!("{COMMENT}\tnew:item");
        assert_eq!(Statement::parse(&later), Ok(statement));
    }

    #[test]
    fn names_the_first_bad_item() {
        for (from, to, item) in [
            ("timestamp:1700000000", "timestamp:now", "timestamp"),
            ("file:demo-1.2.0.tar.gz", "file:../demo", "file"),
            ("version:1.2.0", "version:latest", "version"),
            ("product:demo", "product:De mo", "product"),
            ("channel:stable", "channel:best", "channel"),
            (
                "platform:x86_64-unknown-linux-gnu",
                "platform:Linux",
                "platform",
            ),
            ("size:42", "size:-1", "size"),
            ("sha256:0011", "sha256:zz11", "sha256"),
            ("version:1.2.0\t", "", "version"),
            ("\tsha256", "\tsha512", "sha256"),
        ] {
            let comment = COMMENT.replace(from, to);
            assert_eq!(Statement::parse(&comment), Err(NotAStatement(item)), "{to}");
        }
        assert_eq!(Statement::parse(""), Err(NotAStatement("timestamp")));
    }

    #[test]
    fn a_statement_is_ascii_and_has_one_form() {
        for (name, stated) in [
            ("demo_2.6.0~rc.1-1_amd64.deb", "demo_2.6.0~rc.1-1_amd64.deb"),
            (
                "Anna's Notes & More #2 100%.zip",
                "Anna's Notes & More #2 100%25.zip",
            ),
            ("Bücher.exe", "B%C3%BCcher.exe"),
        ] {
            let mut statement = Statement::parse(COMMENT).expect("a statement");
            statement.file_name = FileName::parse(name).expect(name);
            let comment = statement.to_string();
            assert!(comment.contains(&format!("\tfile:{stated}\t")), "{comment}");
            assert!(comment.is_ascii());
            assert_eq!(Statement::parse(&comment), Ok(statement));
        }
        // Written in another way it is not what we sign.
        for name in [
            "%61.zip",
            "B%c3%bccher",
            "Bücher",
            "100%",
            "%2e",
            "%00",
            "%2F",
        ] {
            let comment = COMMENT.replace("demo-1.2.0.tar.gz", name);
            assert_eq!(
                Statement::parse(&comment),
                Err(NotAStatement("file")),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_statement_is_one_line_of_eight_items(name in "[A-Za-z0-9][A-Za-z0-9 ._+()%&'~#é漢-]{0,20}[éA-Z0-9]", size: u64, timestamp: i64) {
            let mut statement = Statement::parse(COMMENT).expect("a statement");
            statement.file_name = FileName::parse(&name).expect("a file name");
            (statement.size, statement.timestamp) = (size, timestamp);
            let comment = statement.to_string();
            prop_assert_eq!(comment.split('\t').count(), 8);
            prop_assert!(!comment.contains(['\n', '\r']));
            prop_assert_eq!(Statement::parse(&comment), Ok(statement));
        }
    }
}
