//! Request bodies, as the hosts in WebAssembly read them.

use http::{HeaderMap, header};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bodies up to this size, in bytes, are read in one piece, which costs fewer
/// calls of the host.
pub(super) const ONE_PIECE: usize = 64 * 1024;

/// The length that a request's head tells of its body, in bytes.
pub(super) fn length_of(headers: &HeaderMap) -> Option<usize> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// A body that is not as long as was said: its client went away, or errs.
pub(super) struct BrokenOff;

impl http_body::Body for BrokenOff {
    type Data = bytes::Bytes;
    type Error = &'static str;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(Some(Err("the body broke off")))
    }
}
