//! The release gate: tokens that do not open it, and paths that lead nowhere.

use crate::bench::{Answer, Bench, FILE};
use axum::body::Body;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer, SigningKey};
use http::{Request, header};
use keywright_ports::name;
use serde_json::json;

/// A token over any payload, signed with the test seed, 32 bytes of 0x5a.
fn token_over(payload: &[u8]) -> String {
    let signature = SigningKey::from_bytes(&[0x5a; 32]).sign(payload).to_bytes();
    BASE64URL_NOPAD.encode(&[&signature[..], payload].concat())
}

/// A token that names no license, as tokens once did.
pub(crate) fn old_token(product: &str) -> String {
    token(product, "9999-12-31")
}

fn token(product: &str, channel_expiry: &str) -> String {
    let claims = json!({
        "product": product, "channel_expiry": channel_expiry, "entitlements": ["download"],
    });
    token_over(claims.to_string().as_bytes())
}

async fn download(bench: &Bench, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    bench
        .untouched_by(request.body(Body::empty()).expect("a request"))
        .await
}

fn error_of(answer: &Answer) -> (u16, String) {
    (answer.status, answer.text("error"))
}

#[tokio::test]
async fn a_token_is_good_through_its_last_day() {
    // The clock stands at 2027-01-15T08:00:00Z.
    let bench = Bench::new();
    let expired = (403, "channel-expired".to_owned());
    for day in ["2027-01-15", "2027-01-16", "9999-12-31"] {
        let answer = download(&bench, FILE, Some(&token("demo", day))).await;
        assert_eq!(
            (answer.status, answer.body.as_ref()),
            (200, &b"the program"[..]),
            "{day}"
        );
    }
    for day in ["2027-01-14", "2026-12-31", "1970-01-01"] {
        let answer = download(&bench, FILE, Some(&token("demo", day))).await;
        assert_eq!(error_of(&answer), expired, "{day}");
    }
    let today = token("demo", "2027-01-15");
    bench.clock.advance(16 * 3_600 - 1);
    assert_eq!(
        download(&bench, FILE, Some(&today)).await.status,
        200,
        "23:59:59"
    );
    bench.clock.advance(1);
    assert_eq!(
        error_of(&download(&bench, FILE, Some(&today)).await),
        expired,
        "00:00:00"
    );
}

#[tokio::test]
async fn a_token_that_does_not_open_says_why() {
    let bench = Bench::new();
    let good = token("demo", "9999-12-31");
    let mut flipped = BASE64URL_NOPAD.decode(good.as_bytes()).expect("base64url");
    flipped[3] ^= 0xff;
    let other_product = token("other", "9999-12-31");
    let expired_for_other = token("other", "2020-01-01");
    for (token, status, code) in [
        (String::new(), 401, "token-too-short"),
        ("not base64!".to_owned(), 401, "malformed-token"),
        (format!("{good}="), 401, "malformed-token"),
        (BASE64URL_NOPAD.encode(&[0; 48]), 401, "token-too-short"),
        (BASE64URL_NOPAD.encode(&[0; 64]), 401, "token-too-short"),
        (BASE64URL_NOPAD.encode(&[0; 65]), 401, "invalid-signature"),
        (BASE64URL_NOPAD.encode(&flipped), 401, "invalid-signature"),
        (token_over(b"no json"), 401, "invalid-payload"),
        (token_over(b"{}"), 401, "invalid-payload"),
        (
            token_over(b"{\"product\":1,\"channel_expiry\":2,\"entitlements\":[]}"),
            401,
            "invalid-payload",
        ),
        (token("demo", "tomorrow"), 401, "invalid-payload"),
        (token("demo", "9999-99-99"), 401, "invalid-payload"),
        (other_product, 403, "wrong-product"),
        (expired_for_other, 403, "wrong-product"),
    ] {
        let answer = download(&bench, FILE, Some(&token)).await;
        assert_eq!(error_of(&answer), (status, code.to_owned()), "{token}");
    }
    let none = download(&bench, FILE, None).await;
    assert_eq!(error_of(&none), (401, "token required".to_owned()));
    assert!(none.json()["header"].is_string() && none.json()["query"].is_string());
    assert_eq!(none.headers[header::WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test]
async fn the_header_wins_and_a_token_is_sent_once() {
    let bench = Bench::new();
    let good = token("demo", "9999-12-31");
    let by_query = format!("{FILE}?token={good}");
    assert_eq!(download(&bench, &by_query, None).await.status, 200);
    let answer = download(&bench, &by_query, Some("garbage!")).await;
    assert_eq!(error_of(&answer), (401, "malformed-token".to_owned()));
    let twice = format!("{FILE}?token={good}&token={good}");
    assert_eq!(download(&bench, &twice, None).await.status, 400);
    // An instance that verifies nothing opens nothing; without a token it says so first.
    let bench = Bench::with(&[(name::VERIFY_KEYS, "")]);
    assert_eq!(download(&bench, FILE, None).await.status, 401);
    assert_eq!(download(&bench, FILE, Some(&good)).await.status, 503);
    assert_eq!(
        download(&bench, "/releases/open/1.0.0/any", None)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_needs_no_token_is_open_and_what_is_not_there_is_404() {
    let bench = Bench::new();
    let good = token("demo", "9999-12-31");
    let signature = download(&bench, &format!("{FILE}.sig"), None).await;
    assert_eq!(
        (signature.status, signature.body.as_ref()),
        (200, &b"its signature"[..])
    );
    let open = download(&bench, "/releases/open/1.0.0/any", None).await;
    assert_eq!(
        (open.status, open.body.as_ref()),
        (200, &b"for everybody"[..])
    );
    for path in [
        "/releases/demo/9.9.9/x86_64-unknown-linux-gnu",
        "/releases/demo/1.0.0/unknown",
        "/releases/demo/1.0.0/unknown.sig",
        "/releases/open/1.0.0/unknown",
    ] {
        let answer = download(&bench, path, Some(&good)).await;
        assert_eq!(
            error_of(&answer),
            (404, "binary not found".to_owned()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn no_path_leaves_its_folder() {
    let bench = Bench::new();
    let product_tokens =
        ["demo", "open", "..", "", ".", "demo/.."].map(|product| token(product, "9999-12-31"));
    for segments in [
        "../secret",
        "../../secret",
        "demo/../../secret",
        "demo/../secret",
        "demo/1.0.0/..",
        "demo/../open",
        "../../../secret",
        "..%2f..%2fsecret/a/b",
        "%2e%2e/%2e%2e/secret",
        "demo/1.0.0/..%2f..%2f..%2fsecret",
        "demo/1.0.0/%2e%2e%2fsecret",
        "demo/%2e%2e/secret",
        "demo/..%2f../secret",
        "demo/1.0.0%2f..%2f../secret",
        "demo/1.0.0/%2fetc%2fpasswd",
        "demo/%2fetc/passwd",
        "%2fetc/passwd/x",
        "/etc/passwd",
        "//etc/passwd",
        "demo//x86_64-unknown-linux-gnu",
        "demo/1.0.0//",
        "//1.0.0/any",
        "demo/1.0.0/%00",
        "demo/1.0.0/x86_64-unknown-linux-gnu%00",
        "demo/%00/x",
        "demo%00/1.0.0/x",
        "demo/1.0.0/%ff",
        "demo/%ff/x",
        "%ff/1.0.0/x",
        "demo/1.0.0/a%5cb",
        "demo/..%5c..%5csecret/x",
        "demo/1.0.0/a%0ab",
        "demo/1.0.0/.hidden",
        "demo/.hidden/x",
        "demo/1.0.0./x",
        "DEMO/1.0.0/x",
        "demo/1.0.0/%20",
        "demo/1.0.0/a%3ab",
        "..",
        "../",
        "%2e%2e/",
        "demo%2f1.0.0/",
    ] {
        let path = format!("/releases/{segments}");
        for token in product_tokens.iter().map(Some).chain([None]) {
            let answer = download(&bench, &path, token.map(String::as_str)).await;
            assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
            assert!(answer.json()["error"].is_string(), "{path}: {answer:?}");
            let shown = String::from_utf8_lossy(&answer.body);
            assert!(!shown.contains("never served"), "{path}");
            assert!(
                !shown.contains(env!("CARGO_TARGET_TMPDIR")),
                "{path} tells of the disk"
            );
        }
    }
    // A segment as long as a disk would take is too long all the same.
    for long in [
        format!("demo/1.0.0/{}", "x".repeat(65)),
        format!("{}/1.0.0/x", "x".repeat(300)),
    ] {
        assert_eq!(
            download(&bench, &format!("/releases/{long}"), None)
                .await
                .status,
            400
        );
    }
}

#[tokio::test]
async fn the_gate_lists_what_there_is() {
    let bench = Bench::new();
    let products = json!({ "products": ["demo", "listed", "open"] });
    assert_eq!(bench.get("/releases/").await.json(), products);
    assert_eq!(bench.get("/releases").await.json(), products);
    let versions = json!({ "product": "demo", "versions": ["1.0.0", "secret-notes"] });
    assert_eq!(bench.get("/releases/demo/").await.json(), versions);
    assert_eq!(bench.get("/releases/DEMO/").await.status, 400);
}

#[tokio::test]
async fn a_bought_token_opens_its_product_and_no_other() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    bench.product("other", 1).await;
    // Ends at noon: the token knows days only and is good through that day.
    let members = json!({ "expires_at": "2027-01-20T12:00:00Z" });
    let own = bench.issue("demo", members.clone()).await.text("token");
    let other = bench.issue("other", members).await.text("token");
    assert_eq!(download(&bench, FILE, Some(&own)).await.status, 200);
    let answer = download(&bench, FILE, Some(&other)).await;
    assert_eq!(error_of(&answer), (403, "wrong-product".to_owned()));
    bench.clock.advance(5 * 86_400 + 15 * 3_600);
    assert_eq!(
        download(&bench, FILE, Some(&own)).await.status,
        200,
        "2027-01-20T23:00:00Z"
    );
    bench.clock.advance(3_600);
    assert_eq!(
        download(&bench, FILE, Some(&own)).await.status,
        403,
        "2027-01-21T00:00:00Z"
    );
    let forever = bench.issue("demo", json!({})).await.text("token");
    bench.clock.advance(1_000 * 365 * 86_400);
    assert_eq!(download(&bench, FILE, Some(&forever)).await.status, 200);
}
