//! The storefront's pages, `static/`: which path is which file, which headers
//! it is answered with, and who is answered a page at all. Both hosts go by
//! this; only reading the file is theirs.
//!
//! - [`page_at`]: the table of paths
//! - [`answer`]: status and headers of a page that was read
//! - [`document`]: the same for a page that a function makes itself
//! - [`prefers_html`]: whether a client is a browser that wants a page

mod accept;
mod answer;
mod table;

pub use accept::prefers_html;
pub use answer::{answer, document, not_found};
pub use table::{HOME, Page, page_at};

/// Why a request is not answered with a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The path names no page: 404.
    Unknown,
    /// A page is read, not written to: 405 with `Allow: GET, HEAD`.
    Method,
}

/// The methods that pages take, as in `Allow`.
pub const METHODS: &str = "GET, HEAD";

/// The home page, which shares its path with the instance's metadata and is
/// answered by the function that has those.
pub const HOME_HTML: &str = include_str!("../../../static/index.html");

/// What a browser is shown where there is nothing.
const NOT_FOUND_HTML: &str = include_str!("../../../static/404.html");

/// The page that a request asks for.
///
/// # Errors
/// [`Refusal`] for a path without one, and for a method that is not for reading.
pub fn asked(method: &http::Method, path: &str) -> Result<Page, Refusal> {
    let page = page_at(path).ok_or(Refusal::Unknown)?;
    if method == http::Method::GET || method == http::Method::HEAD {
        Ok(page)
    } else {
        Err(Refusal::Method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    #[test]
    fn pages_are_only_read() {
        assert_eq!(
            asked(&Method::GET, "/recover").map(|page| page.file),
            Ok("recover.html".into())
        );
        assert!(asked(&Method::HEAD, "/recover").is_ok());
        assert_eq!(asked(&Method::POST, "/recover"), Err(Refusal::Method));
        assert_eq!(asked(&Method::OPTIONS, "/js/api.js"), Err(Refusal::Method));
        assert_eq!(asked(&Method::POST, "/nowhere"), Err(Refusal::Unknown));
    }
}
