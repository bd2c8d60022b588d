//! Downloads that a front server sends after the check.

use super::cases;
use crate::hosts::releases::{FILES, LARGE, LARGE_BYTES, LICENSED, OPEN, OUTSIDE, PLATFORM};
use crate::hosts::{Answer, Api, Front, Instance, SENDFILE};
use http::Method;
use keywright_license::{Date, TokenClaims};

cases![
    the_function_sends_no_byte,
    what_the_function_says_is_kept,
    the_internal_path_is_closed,
    head_tells_the_size,
    what_only_the_function_can_judge,
];

async fn ask(api: &Api, method: Method, path: &str, line: (&str, &str)) -> Answer {
    api.send(api.request(method, path).header(line.0, line.1))
        .await
}

const NOTHING: (&str, &str) = ("accept", "*/*");

/// Asked past the front server, it tells the file and sends nothing.
async fn the_function_sends_no_byte(instance: &Instance) {
    let path = format!("/releases/{LARGE}");
    let (_, prefix) = SENDFILE.split_once(':').expect("a header and a path");
    for line in [NOTHING, ("range", "bytes=5-9")] {
        let direct = ask(&instance.direct, Method::GET, &path, line).await;
        assert_eq!((direct.status, direct.body.len()), (200, 0), "{direct:?}");
        assert_eq!(
            direct.header("x-accel-redirect"),
            format!("{prefix}{LARGE}")
        );
    }
    let whole = instance.api.get(&path).await;
    assert_eq!((whole.status, whole.body.len()), (200, LARGE_BYTES));
    assert_eq!(whole.header("x-accel-redirect"), "", "it stays inside");
}

async fn what_the_function_says_is_kept(instance: &Instance) {
    let path = format!("/releases/{OPEN}/1.0.0/{PLATFORM}");
    let direct = instance.direct.get(&path).await;
    for (line, status) in [(NOTHING, 200), (("range", "bytes=2-5"), 206)] {
        let answer = ask(&instance.api, Method::GET, &path, line).await;
        assert_eq!(answer.status, status, "{answer:?}");
        for name in [
            "cache-control",
            "content-disposition",
            "content-type",
            "last-modified",
            "x-content-type-options",
        ] {
            assert_ne!(direct.header(name), "", "{name}");
            let values: Vec<_> = answer.headers.get_all(name).iter().collect();
            assert_eq!(values, [direct.header(name)], "{name}, {status}");
        }
        let tags: Vec<_> = answer.headers.get_all("etag").iter().collect();
        match instance.front {
            // Older ones keep a tag of their own, and judge by it.
            Some(Front::Caddy) => assert_eq!(tags.len(), 1, "{answer:?}"),
            _ => assert_eq!(tags, [direct.header("etag")], "{answer:?}"),
        }
    }
}

async fn the_internal_path_is_closed(instance: &Instance) {
    let (key, bytes) = FILES[0];
    assert!(key.starts_with(LICENSED));
    for path in [
        format!("/internal/releases/{key}"),
        format!("/internal/releases/../releases/{key}"),
        format!("//internal/releases/{key}"),
        format!("/%69nternal/releases/{key}"),
        "/internal/releases/../outside".to_owned(),
        "/internal/".to_owned(),
    ] {
        let host = instance.api.base_url().trim_start_matches("http://");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = instance
            .api
            .raw(request.as_bytes())
            .await
            .expect("an answer");
        assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
        let text = answer.text();
        assert!(!text.contains(OUTSIDE), "{path}");
        assert!(!text.contains(&*String::from_utf8_lossy(bytes)), "{path}");
    }
    // A client's own header moves nothing.
    let path = format!("/releases/{key}");
    let forged = ("x-accel-redirect", "/internal/releases/open/MANIFEST.json");
    let answer = ask(&instance.api, Method::GET, &path, forged).await;
    assert_eq!(answer.status, 401, "{answer:?}");
}

async fn head_tells_the_size(instance: &Instance) {
    let (key, bytes) = FILES[0];
    let claims = TokenClaims {
        product: LICENSED.to_owned(),
        channel_expiry: Date::MAX,
        entitlements: Vec::new(),
        version_floor: None,
        license: None,
        maintenance_until: None,
        issued_at: None,
    };
    let token = instance.signing_key.sign_token(&claims).expect("a token");
    let bearer = format!("Bearer {token}");
    let path = format!("/releases/{key}");
    let answer = ask(
        &instance.api,
        Method::HEAD,
        &path,
        ("authorization", &bearer),
    )
    .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-length"), bytes.len().to_string());
    assert_ne!(answer.header("content-disposition"), "");
}

/// These get their bytes from the function, and the right ones.
async fn what_only_the_function_can_judge(instance: &Instance) {
    let path = format!("/releases/{LARGE}");
    for line in [
        ("if-match", "*"),
        ("if-unmodified-since", "Fri, 31 Dec 9999 23:59:59 GMT"),
        ("range", "bytes=0-0,5-5"),
    ] {
        let direct = ask(&instance.direct, Method::GET, &path, line).await;
        let through = ask(&instance.api, Method::GET, &path, line).await;
        assert_eq!((direct.status, through.status), (200, 200), "{line:?}");
        assert!(direct.body.len() == LARGE_BYTES && direct.body == through.body);
    }
}
