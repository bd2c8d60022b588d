//! Status and headers of a page.

use crate::prefers_html;
use crate::table::{NOT_FOUND, Page};
use data_encoding::HEXLOWER;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use sha2::{Digest, Sha256};

/// What a page may load and do: its own style and scripts, calls to its own
/// API, and nothing inline. No string becomes markup or a script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What a page has no use for.
const PERMISSIONS_POLICY: &str =
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()";

/// Asked for again each time, and mostly answered by 304: after a deployment
/// no page runs with the modules of the one before.
const CACHE_CONTROL: &str = "no-cache";

const HEADERS: &[(&str, &str)] = &[
    ("cache-control", CACHE_CONTROL),
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", PERMISSIONS_POLICY),
    // The address of an order's page has the order's id in it, a secret.
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
];

/// Answers a page with these bytes: 200, or 304 to who has it already. The body
/// is empty for 304 and for HEAD, which keeps its `Content-Length`.
#[must_use]
pub fn answer(
    method: &Method,
    headers: &HeaderMap,
    page: &Page,
    bytes: Vec<u8>,
) -> Response<Vec<u8>> {
    let tag = entity_tag(&bytes);
    let mut answer = if matches(headers, &tag) {
        let mut answer = with_headers(Response::new(Vec::new()));
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer
    } else {
        full(method, page, bytes)
    };
    set(&mut answer, "etag", &tag);
    answer
}

/// The page that says that there is none, with status 404, for a browser;
/// nothing for who did not ask for HTML.
#[must_use]
pub fn not_found(method: &Method, headers: &HeaderMap) -> Option<Response<Vec<u8>>> {
    let reads = method == Method::GET || method == Method::HEAD;
    if !reads || !prefers_html(headers) {
        return None;
    }
    let mut answer = full(method, &NOT_FOUND, crate::NOT_FOUND_HTML.into());
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("accept"));
    Some(answer)
}

/// A page that a function makes itself, with the headers of every page.
#[must_use]
pub fn document(status: StatusCode, html: Vec<u8>) -> Response<Vec<u8>> {
    let mut answer = with_headers(Response::new(html));
    *answer.status_mut() = status;
    set(&mut answer, "content-type", NOT_FOUND.content_type);
    answer
}

fn full(method: &Method, page: &Page, bytes: Vec<u8>) -> Response<Vec<u8>> {
    let length = bytes.len().to_string();
    let body = if method == Method::HEAD {
        Vec::new()
    } else {
        bytes
    };
    let mut answer = with_headers(Response::new(body));
    set(&mut answer, "content-type", page.content_type);
    set(&mut answer, "content-length", &length);
    answer
}

fn with_headers(mut answer: Response<Vec<u8>>) -> Response<Vec<u8>> {
    for (name, value) in HEADERS {
        set(&mut answer, name, value);
    }
    answer
}

fn set(answer: &mut Response<Vec<u8>>, name: &'static str, value: &str) {
    // Ours are plain text; a test sees that none is lost.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// A strong tag: half of the content's SHA-256, in hex.
fn entity_tag(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    format!("\"{}\"", HEXLOWER.encode(&digest[..16]))
}

/// Whether `If-None-Match` names the tag (RFC 9110, section 13.1.2). Compared
/// weakly: a cache that compresses turns a strong tag into a weak one. Our tags
/// have no comma in them, so that a list can be cut at commas.
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter();
    lines.filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',')
            .map(str::trim)
            .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page_at;

    fn asked(name: header::HeaderName, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a value"));
        headers
    }

    fn text<'a>(answer: &'a Response<Vec<u8>>, name: &str) -> &'a str {
        answer
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }

    #[test]
    fn a_page_has_its_headers() {
        let page = page_at("/style.css").expect("a page");
        let answer = answer(&Method::GET, &HeaderMap::new(), &page, b"a {}".to_vec());
        assert_eq!(
            (answer.status(), &answer.body()[..]),
            (StatusCode::OK, &b"a {}"[..])
        );
        assert_eq!(text(&answer, "content-type"), "text/css; charset=utf-8");
        assert_eq!(text(&answer, "content-length"), "4");
        for (name, value) in HEADERS {
            assert_eq!(text(&answer, name), *value);
        }
    }

    #[test]
    fn who_has_it_gets_304() {
        let page = page_at("/status").expect("a page");
        let ask = |method: Method, headers: &HeaderMap| answer(&method, headers, &page, vec![1, 2]);
        let first = ask(Method::GET, &HeaderMap::new());
        let tag = text(&first, "etag").to_owned();
        assert!(tag.starts_with('"') && tag.len() == 34, "{tag}");
        let other = answer(&Method::GET, &HeaderMap::new(), &page, vec![1, 3]);
        assert_ne!(text(&other, "etag"), tag);
        for value in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"x\", {tag}"),
            "*".to_owned(),
        ] {
            for method in [Method::GET, Method::HEAD] {
                let again = ask(method, &asked(header::IF_NONE_MATCH, &value));
                assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{value}");
                assert!(again.body().is_empty());
                assert_eq!(text(&again, "etag"), tag);
                assert_eq!(text(&again, "content-length"), "");
                assert_eq!(text(&again, "cache-control"), CACHE_CONTROL);
            }
        }
        for value in ["\"x\"", "", "W/x", &tag[..10]] {
            let again = ask(Method::GET, &asked(header::IF_NONE_MATCH, value));
            assert_eq!(again.status(), StatusCode::OK, "{value}");
        }
    }

    #[test]
    fn head_has_the_length_and_no_body() {
        let page = page_at("/js/api.js").expect("a page");
        let answer = answer(&Method::HEAD, &HeaderMap::new(), &page, vec![0; 7]);
        assert_eq!(text(&answer, "content-length"), "7");
        assert!(answer.body().is_empty());
    }

    #[test]
    fn only_browsers_are_shown_that_there_is_nothing() {
        let browser = asked(header::ACCEPT, "text/html,*/*;q=0.8");
        let shown = not_found(&Method::GET, &browser).expect("a page");
        assert_eq!(shown.status(), StatusCode::NOT_FOUND);
        assert_eq!(text(&shown, "vary"), "accept");
        assert_eq!(text(&shown, "etag"), "");
        assert_eq!(shown.body(), crate::NOT_FOUND_HTML.as_bytes());
        assert!(
            not_found(&Method::HEAD, &browser)
                .expect("a page")
                .body()
                .is_empty()
        );
        assert!(not_found(&Method::POST, &browser).is_none());
        assert!(not_found(&Method::GET, &HeaderMap::new()).is_none());
    }
}
