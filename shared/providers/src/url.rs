//! Parts of a provider's addresses.

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// A base URL without a slash at its end; `None` for what is not an http or https URL.
pub(crate) fn base(url: &str) -> Option<&str> {
    let url = url.trim_end_matches('/');
    let uri: Uri = url.parse().ok()?;
    let is_base = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    is_base.then_some(url)
}

/// Characters that are percent-encoded: all but letters, digits, `-`, `_` and `.`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Percent-encodes an id from outside, so that it stays one path segment.
pub(crate) fn percent_encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

/// True for an API key that fits into a header.
pub(crate) fn is_api_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic())
}
