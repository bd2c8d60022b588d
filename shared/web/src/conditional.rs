//! Validators and preconditions (RFC 9110, sections 8.8 and 13): whether a
//! request for a file is answered with it, with 304, or with 412.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An entity tag; the text between its quotes is ours and plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntityTag {
    /// Changes with every byte, as a digest does.
    Strong(String),
    /// Might not.
    Weak(String),
}

impl Display for EntityTag {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strong(tag) => write!(f, "\"{tag}\""),
            Self::Weak(tag) => write!(f, "W/\"{tag}\""),
        }
    }
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validators {
    /// The `ETag`.
    pub etag: Option<EntityTag>,
    /// The `Last-Modified`, in unix seconds.
    pub modified: Option<i64>,
}

/// How the preconditions of a GET or HEAD turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preconditions {
    /// It is answered as if there were none.
    Hold,
    /// 304: the client has it already.
    NotModified,
    /// 412: the client wanted another state of it.
    Failed,
}

/// Evaluates the preconditions of a GET or HEAD in the order of section 13.2.2.
#[must_use]
pub fn preconditions(headers: &HeaderMap, current: &Validators) -> Preconditions {
    if headers.contains_key(header::IF_MATCH) {
        if !matches(headers, &header::IF_MATCH, current, Comparison::Strong) {
            return Preconditions::Failed;
        }
    } else if let (Some(since), Some(modified)) = (
        date_of(headers, &header::IF_UNMODIFIED_SINCE),
        current.modified,
    ) && modified > since
    {
        return Preconditions::Failed;
    }
    if headers.contains_key(header::IF_NONE_MATCH) {
        if matches(headers, &header::IF_NONE_MATCH, current, Comparison::Weak) {
            return Preconditions::NotModified;
        }
    } else if let (Some(since), Some(modified)) = (
        date_of(headers, &header::IF_MODIFIED_SINCE),
        current.modified,
    ) && modified <= since
    {
        return Preconditions::NotModified;
    }
    Preconditions::Hold
}

/// Whether `Range` counts (section 13.1.5): there is no `If-Range`, or it names
/// the current state by its strong tag or by exactly its date.
#[must_use]
pub fn range_counts(headers: &HeaderMap, current: &Validators) -> bool {
    let mut lines = headers.get_all(header::IF_RANGE).iter();
    let Some(line) = lines.next() else {
        return true;
    };
    if lines.next().is_some() {
        return false;
    }
    if let Some([tag]) = tags(line.as_bytes()).as_deref() {
        let etag = current.etag.as_ref();
        return etag.is_some_and(|etag| tag.is(etag, Comparison::Strong));
    }
    let date = line.to_str().ok().and_then(date);
    date.is_some() && date == current.modified
}

/// Unix seconds as an HTTP date; none for a time before 1970 or after 9999.
#[must_use]
pub fn http_date(unix: i64) -> Option<HeaderValue> {
    const LAST: u64 = 253_402_300_799;
    let seconds = u64::try_from(unix).ok().filter(|at| *at <= LAST)?;
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    HeaderValue::from_str(&httpdate::fmt_http_date(at)).ok()
}

/// An HTTP date in unix seconds, in any of the three forms (section 5.6.7).
fn date(text: &str) -> Option<i64> {
    let at: SystemTime = httpdate::parse_http_date(text.trim()).ok()?;
    let since = at.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// The date of a header; a header that is no date, or is there twice, counts
/// as none.
fn date_of(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => date(line.to_str().ok()?),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Comparison {
    Strong,
    Weak,
}

/// A tag that a client sent.
#[derive(Debug, PartialEq, Eq)]
struct Sent<'a> {
    weak: bool,
    tag: &'a [u8],
}

impl Sent<'_> {
    /// Section 8.8.3.2.
    fn is(&self, etag: &EntityTag, comparison: Comparison) -> bool {
        match (comparison, etag) {
            (Comparison::Strong, EntityTag::Strong(tag)) => {
                !self.weak && tag.as_bytes() == self.tag
            }
            (Comparison::Strong, EntityTag::Weak(_)) => false,
            (Comparison::Weak, EntityTag::Strong(tag) | EntityTag::Weak(tag)) => {
                tag.as_bytes() == self.tag
            }
        }
    }
}

/// Whether a list of tags names the current state. `*` names every state; a
/// list outside the grammar names none.
fn matches(
    headers: &HeaderMap,
    name: &HeaderName,
    current: &Validators,
    comparison: Comparison,
) -> bool {
    headers.get_all(name).iter().any(|line| {
        let line = line.as_bytes().trim_ascii();
        line == b"*"
            || current.etag.as_ref().is_some_and(|etag| {
                tags(line).is_some_and(|sent| sent.iter().any(|tag| tag.is(etag, comparison)))
            })
    })
}

/// A comma-separated list of entity tags; a tag may hold commas.
fn tags(mut rest: &[u8]) -> Option<Vec<Sent<'_>>> {
    let mut tags = Vec::new();
    loop {
        while let [b' ' | b'\t' | b',', after @ ..] = rest {
            rest = after;
        }
        if rest.is_empty() {
            return Some(tags);
        }
        let weak = rest.starts_with(b"W/");
        let quoted = rest.strip_prefix(b"W/").unwrap_or(rest);
        let inside = quoted.strip_prefix(b"\"")?;
        let end = inside.iter().position(|b| *b == b'"')?;
        let (tag, after) = (&inside[..end], &inside[end + 1..]);
        if !tag.iter().all(|b| *b == 0x21 || *b > 0x22 && *b != 0x7f) {
            return None;
        }
        tags.push(Sent { weak, tag });
        rest = after.trim_ascii_start();
        if !rest.is_empty() && !rest.starts_with(b",") {
            return None;
        }
    }
}

#[cfg(test)]
#[path = "conditional_tests.rs"]
mod tests;
