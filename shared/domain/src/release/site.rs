//! The name of a web site that uses a license.

use std::fmt;

/// Longest host name, in bytes (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 253;
/// Longest label of a host name, in bytes (there).
const MAX_LABEL_BYTES: usize = 63;

/// What a site's seat says it runs, where a machine names its system.
pub const PLATFORM: &str = "site";

/// A site's host name: labels of letters, digits and `-` with dots between
/// them, in lower case. `www.` is part of it: it may be another site. An
/// internationalised name is taken in its ASCII form (`xn--…`), as a browser
/// sends it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SiteName(String);

/// Text that is not a [`SiteName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a host name such as www.example.org; write others than ASCII as xn--…")]
pub struct NotASite;

impl SiteName {
    /// Reads a name. Case, one dot at the end and a port do not matter.
    ///
    /// # Errors
    /// [`NotASite`] for anything that is no host name, such as a URL.
    pub fn parse(text: &str) -> Result<Self, NotASite> {
        let name = match text.split_once(':') {
            Some((name, port)) if is_port(port) => name,
            Some(_) => return Err(NotASite),
            None => text,
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let name = name.to_ascii_lowercase();
        if name.len() <= MAX_NAME_BYTES && name.split('.').all(is_label) {
            Ok(Self(name))
        } else {
            Err(NotASite)
        }
    }

    /// The name as it is counted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL_BYTES).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_site_are_one() {
        for (text, name) in [
            ("example.org", "example.org"),
            ("Example.ORG", "example.org"),
            ("example.org.", "example.org"),
            ("example.org:8080", "example.org"),
            ("EXAMPLE.org.:443", "example.org"),
            ("www.example.org", "www.example.org"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
            ("192.0.2.7:80", "192.0.2.7"),
        ] {
            let site = SiteName::parse(text).expect(text);
            assert_eq!(site.as_str(), name, "{text}");
        }
    }

    #[test]
    fn everything_else_is_no_site() {
        let long_label = "a".repeat(64);
        let long_name = format!("{}a", "a.".repeat(127));
        for text in [
            "",
            ".",
            "..",
            "example..org",
            ".example.org",
            "example.org..",
            "-a.org",
            "a-.org",
            "a_b.org",
            "bücher.example",
            "https://example.org",
            "example.org/",
            "user@example.org",
            "example.org:",
            "example.org:port",
            "example.org:70000",
            "example.org:+80",
            "[2001:db8::1]",
            "2001:db8::1",
            "a b",
            "a\0b",
            "*",
            &long_label,
            &long_name,
        ] {
            assert_eq!(SiteName::parse(text), Err(NotASite), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_reads_as_itself(text in "[A-Za-z0-9.:-]{0,40}") {
            if let Ok(site) = SiteName::parse(&text) {
                prop_assert_eq!(SiteName::parse(site.as_str()), Ok(site.clone()));
                prop_assert!(!site.as_str().contains([':', ' ']));
            }
        }
    }
}
