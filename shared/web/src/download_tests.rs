//! Answers with a file, from a store in memory.

use super::*;
use http_body_util::{BodyExt as _, Full};
use keywright_ports::BoxFuture;
use keywright_ports::{ByteStream, Listing, Release, ReleaseStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const KEY: &str = "demo/1.0.0/any";
const BYTES: &[u8] = b"0123456789";
/// SHA-256 of those ten bytes.
const DIGEST: &str = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882";
const AT: i64 = 784_111_777;
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

#[derive(Default)]
struct OneFile {
    looked: AtomicUsize,
    opened: AtomicUsize,
}

const INFO: FileInfo = FileInfo {
    size: 10,
    modified: Some(AT),
};

fn stream(bytes: &'static [u8]) -> ByteStream {
    let whole = Full::from(bytes).map_err(|never| match never {});
    whole.boxed_unsync()
}

impl ReleaseStore for OneFile {
    fn stat<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<FileInfo>, ReleaseError>> {
        self.looked.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { Ok((key == KEY).then_some(INFO)) })
    }

    fn open<'a>(
        &'a self,
        key: &'a str,
        extent: Extent,
    ) -> BoxFuture<'a, Result<Option<Release>, ReleaseError>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let from = usize::try_from(extent.offset).expect("a small number");
            let length = usize::try_from(extent.length_in(10)).expect("a small number");
            let body = ReleaseBody::Stream(stream(&BYTES[from..from + length]));
            Ok((key == KEY).then_some(Release { info: INFO, body }))
        })
    }

    fn read<'a>(
        &'a self,
        _: &'a str,
        _: usize,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, ReleaseError>> {
        Box::pin(async { Ok(None) })
    }

    fn list<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Listing>, ReleaseError>> {
        Box::pin(async { Ok(None) })
    }
}

/// A file whose digest is known.
fn published() -> Download {
    Download {
        name: Some("demo-1.0.0-any.zip".to_owned()),
        content_type: "application/zip",
        digest: HEXLOWER
            .decode(DIGEST.as_bytes())
            .ok()
            .and_then(|digest| digest.try_into().ok()),
        size: Some(10),
        ..Download::new(KEY.to_owned())
    }
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// How often the store was asked about the file, and for its bytes.
    asked: (usize, usize),
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

async fn ask(file: &Download, method: Method, lines: &[(&'static str, &str)]) -> Got {
    ask_behind(None, file, method, lines).await
}

async fn ask_behind(
    front: Option<&str>,
    file: &Download,
    method: Method,
    lines: &[(&'static str, &str)],
) -> Got {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).expect("a value"));
    }
    let front: Option<Sendfile> = front.map(|text| text.parse().expect("a front server"));
    let store = Arc::new(OneFile::default());
    let releases = Releases::new(store.clone());
    let answer = file.answer(&releases, front.as_ref(), &method, &headers);
    let response = answer.await.expect("it answers").expect("there is one");
    let (parts, body) = response.into_parts();
    Got {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.expect("bytes").to_bytes().to_vec(),
        asked: (
            store.looked.load(Ordering::Relaxed),
            store.opened.load(Ordering::Relaxed),
        ),
    }
}

fn described(got: &Got) {
    for (name, value) in [
        ("etag", &*format!("\"{DIGEST}\"")),
        ("last-modified", DATE),
        ("cache-control", "private, no-cache"),
        ("accept-ranges", "bytes"),
        ("content-type", "application/zip"),
        (
            "content-disposition",
            "attachment; filename=\"demo-1.0.0-any.zip\"",
        ),
        ("x-content-type-options", "nosniff"),
        (
            "repr-digest",
            "sha-256=:hNiYd/DUBB77a/kaFvAkjy/Vc+avBcGflr7bn4gveII=:",
        ),
    ] {
        assert_eq!(got.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn the_whole_file_costs_one_look_at_the_store() {
    let got = ask(&published(), Method::GET, &[]).await;
    assert_eq!((got.status, &got.body[..]), (200, BYTES));
    assert_eq!(got.header("content-length"), "10");
    assert_eq!(got.asked, (0, 1));
    described(&got);
    // `If-Range` without `Range` says nothing.
    let got = ask(&published(), Method::GET, &[("if-range", "\"x\"")]).await;
    assert_eq!((got.status, got.asked), (200, (0, 1)));
}

#[tokio::test]
async fn head_has_the_same_headers_and_opens_nothing() {
    let got = ask(&published(), Method::HEAD, &[]).await;
    assert_eq!((got.status, &got.body[..]), (200, &b""[..]));
    assert_eq!(got.header("content-length"), "10");
    assert_eq!(got.asked, (1, 0));
    described(&got);
    // It has no ranges, also none that cannot be satisfied.
    for range in ["bytes=0-0", "bytes=10-"] {
        let got = ask(&published(), Method::HEAD, &[("range", range)]).await;
        assert_eq!((got.status, got.header("content-length")), (200, "10"));
        assert_eq!(got.header("content-range"), "");
    }
}

#[tokio::test]
async fn a_part_says_which() {
    for (range, body, told) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=3-", "3456789", "bytes 3-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=0-9", "0123456789", "bytes 0-9/10"),
    ] {
        let got = ask(&published(), Method::GET, &[("range", range)]).await;
        assert_eq!(
            (got.status, &got.body[..]),
            (206, body.as_bytes()),
            "{range}"
        );
        assert_eq!(got.header("content-range"), told);
        assert_eq!(got.header("content-length"), body.len().to_string());
        // The digest is that of the whole file.
        described(&got);
    }
    for range in ["bytes=0-0,2-2", "bytes=2-1", "lines=1-2"] {
        let got = ask(&published(), Method::GET, &[("range", range)]).await;
        assert_eq!(
            (got.status, got.header("content-range")),
            (200, ""),
            "{range}"
        );
    }
}

#[tokio::test]
async fn a_range_behind_the_end_says_how_long_it_is() {
    for range in ["bytes=10-", "bytes=-0"] {
        let got = ask(&published(), Method::GET, &[("range", range)]).await;
        assert_eq!(got.status, 416);
        assert_eq!(got.header("content-range"), "bytes */10");
        assert_eq!(got.body, br#"{"error":"range not satisfiable"}"#);
        assert_eq!(got.asked, (1, 0));
    }
}

#[tokio::test]
async fn a_resumed_download_gets_the_rest_of_the_same_file_only() {
    let same = format!("\"{DIGEST}\"");
    for (tag, status) in [
        (&*same, 206),
        (DATE, 206),
        ("\"other\"", 200),
        ("W/\"x\"", 200),
    ] {
        let lines = [("range", "bytes=4-"), ("if-range", tag)];
        let got = ask(&published(), Method::GET, &lines).await;
        assert_eq!(got.status, status, "{tag}");
        // Behind the end of another file is no reason to refuse this one.
        let lines = [("range", "bytes=40-"), ("if-range", tag)];
        let got = ask(&published(), Method::GET, &lines).await;
        assert_eq!(got.status, if status == 206 { 416 } else { 200 }, "{tag}");
    }
}

#[tokio::test]
async fn preconditions_come_before_the_range() {
    let same = format!("\"{DIGEST}\"");
    for method in [Method::GET, Method::HEAD] {
        let lines = [("if-none-match", &*same), ("range", "bytes=10-")];
        let got = ask(&published(), method.clone(), &lines).await;
        assert_eq!(
            (got.status, &got.body[..], got.asked),
            (304, &b""[..], (1, 0))
        );
        for (name, value) in [
            ("etag", &*same),
            ("cache-control", GATED),
            ("last-modified", DATE),
        ] {
            assert_eq!(got.header(name), value);
        }
        for absent in ["content-length", "content-type", "content-disposition"] {
            assert!(!got.headers.contains_key(absent), "{absent}");
        }
        let lines = [("if-match", "\"other\""), ("range", "bytes=10-")];
        let got = ask(&published(), method, &lines).await;
        assert_eq!(got.status, 412);
        assert_eq!(got.body, br#"{"error":"precondition failed"}"#);
    }
}

#[tokio::test]
async fn without_a_digest_the_tag_is_weak() {
    let file = Download::new(KEY.to_owned());
    let got = ask(&file, Method::GET, &[]).await;
    assert_eq!(got.header("etag"), "W/\"2ebc98a1-a\"");
    assert_eq!(got.header("content-type"), "application/octet-stream");
    for absent in ["repr-digest", "content-disposition"] {
        assert!(!got.headers.contains_key(absent), "{absent}");
    }
    let lines = [("if-none-match", "W/\"2ebc98a1-a\"")];
    assert_eq!(ask(&file, Method::GET, &lines).await.status, 304);
    // It cannot say that the rest is of the same file; the date can.
    let lines = [("range", "bytes=4-"), ("if-range", "W/\"2ebc98a1-a\"")];
    assert_eq!(ask(&file, Method::GET, &lines).await.status, 200);
    let lines = [("range", "bytes=4-"), ("if-range", DATE)];
    assert_eq!(ask(&file, Method::GET, &lines).await.status, 206);
}

#[tokio::test]
async fn a_published_time_and_caching_replace_the_defaults() {
    let file = Download {
        modified: Some(AT + 1),
        cache_control: "public, max-age=60",
        ..published()
    };
    let got = ask(&file, Method::GET, &[]).await;
    assert_eq!(got.header("last-modified"), "Sun, 06 Nov 1994 08:49:38 GMT");
    assert_eq!(got.header("cache-control"), "public, max-age=60");
}

#[tokio::test]
async fn another_file_than_the_published_one_is_an_error() {
    let file = Download {
        size: Some(11),
        ..published()
    };
    let releases = Releases::new(Arc::new(OneFile::default()));
    for lines in [None, Some(("range", "bytes=0-0"))] {
        for method in [Method::GET, Method::HEAD] {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = lines {
                headers.insert(name, HeaderValue::from_static(value));
            }
            let answer = file.answer(&releases, None, &method, &headers).await;
            assert!(answer.is_err(), "{method} {lines:?}");
        }
    }
    let nothing = Download::new("demo/1.0.0/other".to_owned());
    let headers = HeaderMap::new();
    for method in [Method::GET, Method::HEAD] {
        let answer = nothing.answer(&releases, None, &method, &headers);
        assert!(answer.await.expect("it answers").is_none());
    }
}

#[tokio::test]
async fn a_front_server_gets_the_name_and_sends_the_bytes() {
    let front = Some("x-accel-redirect:/internal/");
    for (method, lines) in [
        (Method::GET, &[][..]),
        (Method::HEAD, &[]),
        (Method::GET, &[("range", "bytes=3-")]),
        // Perhaps a tag of the front server's own.
        (Method::GET, &[("range", "bytes=3-"), ("if-range", "\"x\"")]),
    ] {
        let got = ask_behind(front, &published(), method, lines).await;
        assert_eq!(
            (got.status, &got.body[..], got.asked),
            (200, &b""[..], (1, 0))
        );
        assert_eq!(got.header("x-accel-redirect"), "/internal/demo/1.0.0/any");
        assert_eq!(got.header("etag"), format!("\"{DIGEST}\""));
        for absent in ["content-length", "content-range", "accept-ranges"] {
            assert!(!got.headers.contains_key(absent), "{absent}");
        }
    }
    // What the function can tell by itself never gets there.
    let same = format!("\"{DIGEST}\"");
    for (line, status) in [
        (("if-none-match", &*same), 304),
        (("if-match", "\"other\""), 412),
        (("range", "bytes=10-"), 416),
        // The front server would compare this one with a tag of its own,
        (("if-match", &*same), 200),
        // and may find two parts in this one.
        (("range", "bytes=0-0,2-2"), 200),
    ] {
        let got = ask_behind(front, &published(), Method::GET, &[line]).await;
        assert_eq!(got.status, status, "{line:?}");
        assert!(!got.headers.contains_key("x-accel-redirect"), "{line:?}");
    }
}

#[test]
fn names_are_quoted_as_simple_parsers_read_them() {
    for (name, value) in [
        ("demo-1.0.0.zip", "attachment; filename=\"demo-1.0.0.zip\""),
        ("a b.zip", "attachment; filename=\"a b.zip\""),
        (
            "a\"b\\c/d.zip",
            "attachment; filename=\"a_b_c_d.zip\"; filename*=UTF-8''a%22b%5Cc%2Fd.zip",
        ),
        (
            "n\u{e4}ht.zip",
            "attachment; filename=\"n_ht.zip\"; filename*=UTF-8''n%C3%A4ht.zip",
        ),
        (
            "a\r\nb",
            "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab",
        ),
        (
            "50%",
            "attachment; filename=\"50_\"; filename*=UTF-8''50%25",
        ),
    ] {
        assert_eq!(attachment(name), value);
        assert!(HeaderValue::from_str(&attachment(name)).is_ok());
    }
}
