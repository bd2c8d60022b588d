//! Handing a checked download over to a front server, which sends the file by
//! itself, ranges included: `X-Accel-Redirect` (nginx, Caddy) and `X-Sendfile`
//! (Apache, lighttpd). The value of `RELEASES_SENDFILE`.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use keywright_ports::settings::fault_of;
use keywright_ports::{Config, Setting, name};
use std::str::FromStr;

const X_ACCEL_REDIRECT: HeaderName = HeaderName::from_static("x-accel-redirect");
const X_SENDFILE: HeaderName = HeaderName::from_static("x-sendfile");

/// How the front server learns which file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sendfile {
    header: HeaderName,
    /// Ends with a slash; the key of the file follows.
    prefix: String,
}

/// Text that names no way to hand a file over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "RELEASES_SENDFILE must be x-accel-redirect:/internal/path/ or x-sendfile:/absolute/folder/, in plain characters without '..'"
)]
pub struct NotASendfile;

/// `RELEASES_SENDFILE`.
pub const RELEASES_SENDFILE: Setting = Setting {
    names: &[name::RELEASES_SENDFILE],
    check: |config| match config.get(name::RELEASES_SENDFILE) {
        Some(text) => fault_of(text.parse::<Sendfile>()),
        None => Vec::new(),
    },
};

impl FromStr for Sendfile {
    type Err = NotASendfile;

    fn from_str(text: &str) -> Result<Self, NotASendfile> {
        let (header, prefix) = text.split_once(':').ok_or(NotASendfile)?;
        let header = match header.trim() {
            "x-accel-redirect" => X_ACCEL_REDIRECT,
            "x-sendfile" => X_SENDFILE,
            _ => return Err(NotASendfile),
        };
        let prefix = prefix.trim().trim_end_matches('/');
        // Read as a URL's path by some servers and as it stands by others:
        // what both read alike.
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-');
        let mut segments = prefix.split('/').skip(1);
        let good = prefix.starts_with('/')
            && prefix.bytes().all(plain)
            && segments.all(|segment| !matches!(segment, "" | "." | ".."));
        good.then(|| Self {
            header,
            prefix: format!("{prefix}/"),
        })
        .ok_or(NotASendfile)
    }
}

impl Sendfile {
    /// The one that the configuration names; the function sends the bytes itself where
    /// it cannot be read.
    #[must_use]
    pub fn configured(config: &Config) -> Option<Self> {
        config.get(name::RELEASES_SENDFILE)?.parse().ok()
    }

    /// The header that names the file; `None` for a key that no header can
    /// hold, which checked names never make.
    #[must_use]
    pub(crate) fn header(&self, key: &str) -> Option<(HeaderName, HeaderValue)> {
        let value = HeaderValue::from_str(&format!("{}{key}", self.prefix)).ok()?;
        Some((self.header.clone(), value))
    }

    /// Whether the front server may answer. It judges the request once more,
    /// with validators of its own: it would refuse what we accept because of a
    /// precondition, and where a `Range` is no part of it for us (`is_part` is
    /// false), servers differ.
    #[must_use]
    pub(crate) fn may_answer(headers: &HeaderMap, is_part: bool) -> bool {
        let has = |name| headers.contains_key(name);
        let same_range = is_part || !has(header::RANGE) || has(header::IF_RANGE);
        same_range && !has(header::IF_MATCH) && !has(header::IF_UNMODIFIED_SINCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_file() {
        for (text, name, value) in [
            (
                "x-accel-redirect:/internal/releases/",
                "x-accel-redirect",
                "/internal/releases/demo/1.0.0/any",
            ),
            (
                " x-accel-redirect : /internal ",
                "x-accel-redirect",
                "/internal/demo/1.0.0/any",
            ),
            (
                "x-sendfile:/srv/key.wright/releases_1//",
                "x-sendfile",
                "/srv/key.wright/releases_1/demo/1.0.0/any",
            ),
        ] {
            let sendfile: Sendfile = text.parse().expect(text);
            let (header, path) = sendfile.header("demo/1.0.0/any").expect("a header");
            assert_eq!((header.as_str(), path.as_bytes()), (name, value.as_bytes()));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "/internal/",
            "x-accel-redirect",
            "x-accel-redirect:",
            "x-accel-redirect:/",
            "x-accel-redirect:internal/",
            "x-accel-redirect:/in/../ternal/",
            "x-accel-redirect:/./internal/",
            "x-accel-redirect://host/internal/",
            "x-accel-redirect:/in ternal/",
            "x-accel-redirect:/in%20ternal/",
            "x-accel-redirect:/in\\ternal/",
            "x-accel-redirect:http://host/internal/",
            "x-sendfile:releases",
            "sendfile:/srv/releases/",
        ] {
            assert_eq!(text.parse::<Sendfile>(), Err(NotASendfile), "{text}");
        }
    }
}
