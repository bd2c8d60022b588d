//! The bytes of a download: parts of it, whether the client has it already,
//! and what is said of it beside.

use super::cases;
use crate::hosts::releases::{FILES, LARGE, LARGE_BYTES, LICENSED, OPEN, PLATFORM, large};
use crate::hosts::{Answer, Instance};
use http::Method;
use sha2::{Digest, Sha256};

cases![
    parts_of_a_small_file,
    parts_of_a_large_file,
    a_large_file_in_pieces,
    an_interrupted_download_goes_on,
    ranges_that_are_no_part,
    ranges_behind_the_end,
    what_the_client_has_already,
    what_the_client_wants_unchanged,
    a_range_of_the_same_file_only,
    head_has_no_ranges,
    nothing_of_this_opens_the_gate,
    many_at_once,
    a_slow_client,
];

/// A file of the open product, without the token.
fn small() -> (String, &'static [u8]) {
    let key = format!("{OPEN}/1.0.0/{PLATFORM}");
    let (_, bytes) = FILES.iter().find(|(name, _)| *name == key).expect("a file");
    (format!("/releases/{key}"), bytes)
}

async fn ask(instance: &Instance, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = instance.api.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    instance.api.send(request).await
}

async fn get(instance: &Instance, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(instance, Method::GET, path, headers).await
}

/// A part says which part of what it is, and has those bytes.
async fn part(instance: &Instance, path: &str, range: &str, whole: &[u8], from: usize, to: usize) {
    let answer = get(instance, path, &[("range", &format!("bytes={range}"))]).await;
    assert_eq!(answer.status, 206, "{range}: {:?}", answer.headers);
    let told = format!("bytes {from}-{to}/{}", whole.len());
    assert_eq!(answer.header("content-range"), told, "{range}");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_ne!(answer.header("etag"), "", "{range}");
    assert_ne!(answer.header("last-modified"), "", "{range}");
    assert!(answer.body == whole[from..=to], "{range}: other bytes");
}

async fn parts_of_a_small_file(instance: &Instance) {
    let (path, bytes) = small();
    let end = bytes.len() - 1;
    for (range, from, to) in [
        ("0-0", 0, 0),
        ("2-5", 2, 5),
        ("2-", 2, end),
        ("-1", end, end),
        ("-100000", 0, end),
        ("0-100000", 0, end),
    ] {
        part(instance, &path, range, bytes, from, to).await;
    }
}

/// Larger than what a host answers in one piece; ending before and at the end.
async fn parts_of_a_large_file(instance: &Instance) {
    let (path, bytes) = (format!("/releases/{LARGE}"), large());
    let end = LARGE_BYTES - 1;
    let last = end.to_string();
    for (range, from, to) in [
        ("0-0", 0, 0),
        ("65535-65536", 65_535, 65_536),
        ("1-65536", 1, 65_536),
        ("1-65537", 1, 65_537),
        ("3-8388610", 3, 8_388_610),
        ("5000000-", 5_000_000, end),
        ("-7000001", end - 7_000_000, end),
        (&format!("{last}-"), end, end),
        (&format!("0-{last}"), 0, end),
    ] {
        part(instance, &path, range, &bytes, from, to).await;
    }
}

async fn a_large_file_in_pieces(instance: &Instance) {
    let path = format!("/releases/{LARGE}");
    let step = 3 * 1024 * 1024 + 7;
    let mut digest = Sha256::new();
    for from in (0..LARGE_BYTES).step_by(step) {
        let range = format!("bytes={from}-{}", from + step - 1);
        let answer = get(instance, &path, &[("range", &range)]).await;
        assert_eq!(answer.status, 206, "{range}");
        digest.update(&answer.body);
    }
    assert_eq!(digest.finalize(), Sha256::digest(large()));
}

/// As a download manager goes on: with the validators of the first answer.
async fn an_interrupted_download_goes_on(instance: &Instance) {
    let path = format!("/releases/{LARGE}");
    let url = format!("{}{path}", instance.api.base_url());
    let mut first = reqwest::get(url).await.expect("an answer");
    let date = first.headers()["last-modified"].clone();
    let mut received = Vec::new();
    while received.len() < 4_000_000 {
        let chunk = first.chunk().await.expect("bytes").expect("more of them");
        received.extend_from_slice(&chunk);
    }
    drop(first);
    let rest = format!("bytes={}-", received.len());
    let date = date.to_str().expect("a date");
    let answer = get(instance, &path, &[("range", &rest), ("if-range", date)]).await;
    assert_eq!(answer.status, 206, "{:?}", answer.headers);
    received.extend_from_slice(&answer.body);
    assert_eq!(Sha256::digest(received), Sha256::digest(large()));
}

async fn ranges_that_are_no_part(instance: &Instance) {
    let (path, bytes) = small();
    for range in [
        "bytes=0-0,2-2",
        "bytes=5-2",
        "bytes=x-y",
        "lines=0-1",
        "bytes=",
    ] {
        let answer = get(instance, &path, &[("range", range)]).await;
        assert_eq!((answer.status, &answer.body[..]), (200, bytes), "{range}");
        assert_eq!(answer.header("content-range"), "", "{range}");
    }
}

async fn ranges_behind_the_end(instance: &Instance) {
    let (path, bytes) = small();
    let behind = format!("bytes={}-", bytes.len());
    for range in [&behind, "bytes=100000-100001", "bytes=-0"] {
        let answer = get(instance, &path, &[("range", range)]).await;
        assert_eq!(answer.status, 416, "{range}");
        assert_eq!(
            answer.header("content-range"),
            format!("bytes */{}", bytes.len())
        );
        assert_eq!(answer.json()["error"], "range not satisfiable", "{range}");
    }
}

async fn what_the_client_has_already(instance: &Instance) {
    let (path, bytes) = small();
    let first = get(instance, &path, &[]).await;
    let (tag, date) = (first.header("etag"), first.header("last-modified"));
    assert_eq!(first.header("cache-control"), "public, max-age=60");
    for method in [Method::GET, Method::HEAD] {
        for headers in [
            &[("if-none-match", tag)][..],
            &[("if-none-match", &format!("\"x\", {tag}"))],
            &[("if-none-match", "*")],
            &[("if-modified-since", date)],
            &[("if-none-match", tag), ("range", "bytes=0-0")],
            &[
                ("if-none-match", tag),
                ("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT"),
            ],
        ] {
            // Servers differ over a range of HEAD: that never gets to the front.
            let is_range = headers.iter().any(|(name, _)| *name == "range");
            if is_range && method == Method::HEAD && instance.front.is_some() {
                continue;
            }
            let answer = ask(instance, method.clone(), &path, headers).await;
            assert_eq!((answer.status, answer.body.len()), (304, 0), "{headers:?}");
            // A front server may have its own tag, and know it too.
            if instance.front.is_none() {
                assert_eq!(answer.header("etag"), tag, "{headers:?}");
            }
            assert_eq!(answer.header("cache-control"), "public, max-age=60");
        }
    }
    for headers in [
        &[("if-none-match", "\"x\"")][..],
        &[("if-none-match", "\"x\""), ("if-modified-since", date)],
        &[("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT")],
        &[("if-modified-since", "yesterday")],
    ] {
        let answer = get(instance, &path, headers).await;
        assert_eq!(
            (answer.status, &answer.body[..]),
            (200, bytes),
            "{headers:?}"
        );
    }
}

async fn what_the_client_wants_unchanged(instance: &Instance) {
    let (path, _) = small();
    let first = get(instance, &path, &[]).await;
    let date = first.header("last-modified").to_owned();
    for (headers, status) in [
        (&[("if-match", "*")][..], 200),
        (&[("if-match", "\"x\"")], 412),
        (&[("if-match", "\"x\""), ("range", "bytes=0-0")], 412),
        (&[("if-match", "\"x\""), ("if-none-match", "*")], 412),
        (&[("if-unmodified-since", &date)], 200),
        (
            &[("if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT")],
            412,
        ),
    ] {
        let answer = get(instance, &path, headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 412 {
            assert_eq!(answer.json()["error"], "precondition failed", "{headers:?}");
        }
    }
}

async fn a_range_of_the_same_file_only(instance: &Instance) {
    let (path, bytes) = small();
    let first = get(instance, &path, &[]).await;
    let date = first.header("last-modified").to_owned();
    for (validator, status) in [
        (&*date, 206),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 200),
        ("\"x\"", 200),
        ("W/\"x\"", 200),
    ] {
        let headers = [("range", "bytes=2-"), ("if-range", validator)];
        let answer = get(instance, &path, &headers).await;
        let expected = if status == 206 { &bytes[2..] } else { bytes };
        assert_eq!(
            (answer.status, &answer.body[..]),
            (status, expected),
            "{validator}"
        );
    }
}

async fn head_has_no_ranges(instance: &Instance) {
    let (path, bytes) = small();
    for range in ["bytes=0-0", "bytes=100000-"] {
        let answer = ask(instance, Method::HEAD, &path, &[("range", range)]).await;
        assert_eq!(answer.status, 200, "{range}");
        assert_eq!(answer.header("content-length"), bytes.len().to_string());
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("content-range"), "");
    }
}

/// A client without a token does not learn so much as a size.
async fn nothing_of_this_opens_the_gate(instance: &Instance) {
    let path = format!("/releases/{LICENSED}/1.0.0/{PLATFORM}");
    for method in [Method::GET, Method::HEAD] {
        for header in [
            ("range", "bytes=0-0"),
            ("range", "bytes=100000-"),
            ("if-none-match", "*"),
            ("if-match", "\"x\""),
            ("if-modified-since", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let answer = ask(instance, method.clone(), &path, &[header]).await;
            assert_eq!(answer.status, 401, "{header:?}");
            for absent in ["etag", "last-modified", "content-range", "repr-digest"] {
                assert_eq!(answer.header(absent), "", "{header:?}: {absent}");
            }
        }
    }
}

/// Streams of one instance do not mix, whether cut or to the end.
async fn many_at_once(instance: &Instance) {
    let (path, bytes) = (format!("/releases/{LARGE}"), large());
    let answers = super::races::at_once(6, |n| {
        let from = n * 1_000_003;
        let to = if n % 2 == 0 {
            LARGE_BYTES - 1
        } else {
            from + 5_000_000
        };
        let path = path.clone();
        async move {
            let range = format!("bytes={from}-{to}");
            (from, to, get(instance, &path, &[("range", &range)]).await)
        }
    });
    for (from, to, answer) in answers.await {
        assert_eq!(answer.status, 206, "{from}-{to}");
        assert!(answer.body == bytes[from..=to], "{from}-{to}: other bytes");
    }
}

/// On Spin an instance that has had nothing to do for a second is ended. A
/// download whose client does not read meanwhile is something to do.
async fn a_slow_client(instance: &Instance) {
    let (url, bytes) = (
        format!("{}/releases/{LARGE}", instance.api.base_url()),
        large(),
    );
    let client = reqwest::Client::new();
    let slowly = async |range: String, from: usize, to: usize| {
        let request = client.get(&url).header("range", range);
        let mut answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 206, "{from}-{to}");
        let mut received = Vec::new();
        // As soon as what the sockets hold is full, nothing moves.
        for pause_at in [1, 8_000_000, 14_000_000, usize::MAX] {
            while received.len() < pause_at
                && let Some(chunk) = answer.chunk().await.expect("it is not cut short")
            {
                received.extend_from_slice(&chunk);
            }
            if pause_at != usize::MAX {
                tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
            }
        }
        assert!(received == bytes[from..=to], "{from}-{to}: other bytes");
    };
    let end = LARGE_BYTES - 1;
    // The host's own stream, and one that is cut.
    tokio::join!(
        slowly("bytes=0-".to_owned(), 0, end),
        slowly(format!("bytes=1-{}", end - 1), 1, end - 1),
    );
}
