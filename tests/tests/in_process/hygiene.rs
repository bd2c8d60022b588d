//! Headers that every answer has, secrets that nobody would get from a generator, and
//! settings that give away more than they seem to.

use crate::bench::{Bench, account_of, json_request, played_store, signed_in};
use axum::body::Body;
use http::{Method, Request};
use keywright_ports::name;
use serde_json::json;

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_it() {
    for (public_url, over_tls) in [("https://shop.test", true), ("http://shop.test", false)] {
        let bench = Bench::with(&[(name::PUBLIC_URL, public_url)]);
        let requests = [
            ("GET", "/"),
            ("GET", "/healthz"),
            ("GET", "/v1/pubkey"),
            ("GET", "/v1/products"),
            ("GET", "/v1/nothing"),
            ("DELETE", "/v1/products"),
            ("POST", "/v1/validate"),
            ("GET", "/v1/purchase/none"),
            ("POST", "/v1/purchase"),
            ("POST", "/v1/recover"),
            ("POST", "/v1/machines/activate"),
            ("GET", "/v1/license/none"),
            ("POST", "/v1/claim"),
            ("POST", "/v1/cron/renew"),
            ("POST", "/v1/cron/watch"),
            ("POST", "/v1/btcpay/webhook"),
            ("GET", "/v1/admin/licenses"),
            ("GET", "/v1/admin/api-keys"),
            ("GET", "/releases/"),
            ("GET", "/updates/sparkle/none/appcast.xml"),
            ("GET", "/thank-you"),
            ("OPTIONS", "/v1/purchase"),
        ];
        for (method, path) in requests {
            let method: Method = method.parse().expect("a method");
            let request = json_request(method.clone(), path, &json!({}));
            let answer = bench.send(signed_in(request)).await;
            let header = |name: &str| answer.headers.get(name).and_then(|v| v.to_str().ok());
            assert_eq!(
                header("x-content-type-options"),
                Some("nosniff"),
                "{method} {path}"
            );
            let asked = header("strict-transport-security");
            let expected = over_tls.then_some("max-age=63072000; includeSubDomains");
            assert_eq!(asked, expected, "{method} {path}");
            if path.starts_with("/v1/") {
                assert_eq!(header("cache-control"), Some("no-store"), "{method} {path}");
            }
        }
        // What may be kept says so itself.
        let keys = bench.get("/.well-known/jwks.json").await;
        assert_eq!(keys.headers["cache-control"], "public, max-age=300");
    }
}

#[tokio::test]
async fn a_request_that_says_it_came_without_tls_is_not_asked_for_it() {
    let bench = Bench::with(&[(name::PUBLIC_URL, "https://shop.test")]);
    for (address, asked) in [
        ("http://shop.test/healthz", false),
        ("https://shop.test/healthz", true),
        ("/healthz", true),
    ] {
        let request = Request::get(address)
            .body(Body::empty())
            .expect("a request");
        let answer = bench.send(request).await;
        let sent = answer.headers.contains_key("strict-transport-security");
        assert_eq!(sent, asked, "{address}");
    }
}

#[tokio::test]
async fn weak_secrets_open_nothing_and_the_log_says_why() {
    for weak in [
        "x".repeat(32),
        "0".repeat(64),
        "0123456789abcdef".repeat(2),
        "changeme-changeme-changeme-1234567".to_owned(),
        "too short".to_owned(),
    ] {
        let bench = Bench::with(&[(name::ADMIN_KEY, &weak), (name::CRON_TOKEN, &weak)]);
        let with = |method: Method, path: &str| {
            let mut request = json_request(method, path, &json!({}));
            let key = format!("Bearer {weak}").parse().expect("a header");
            request.headers_mut().insert("authorization", key);
            request
        };
        let admin = bench.send(with(Method::GET, "/v1/admin/products")).await;
        assert_eq!(
            admin.refusal(),
            (503, "service_unavailable".to_owned()),
            "{weak}"
        );
        for path in ["/v1/cron/renew", "/v1/cron/watch"] {
            let ticked = bench.send(with(Method::POST, path)).await;
            assert_eq!(ticked.refusal(), (404, "not_found".to_owned()), "{weak}");
        }
        let log = bench.log();
        assert!(log.contains("ADMIN_KEY must "), "{log}");
        assert!(log.contains("CRON_TOKEN must "), "{log}");
        assert!(!log.contains(&weak), "{log}");
    }
}

#[tokio::test]
async fn a_weak_webhook_secret_is_none() {
    let store = played_store();
    for weak in ["short", &"x".repeat(40), "changeme-changeme-now"] {
        let mut config = account_of(&store);
        config[3].1 = weak;
        let bench = Bench::with(&config);
        let answer = bench.post("/v1/btcpay/webhook", &json!({})).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        let log = bench.log();
        assert!(log.contains("BTCPAY_WEBHOOK_SECRET must "), "{log}");
        assert!(!log.contains(weak), "{log}");
    }
}

#[tokio::test]
async fn giving_licenses_to_whoever_knows_a_hash_is_warned_of_at_the_start() {
    let bench = Bench::with(&[(name::LEGACY_TX_CLAIMS, "1")]);
    assert!(
        bench.log().contains("LEGACY_TX_CLAIMS is 1"),
        "{}",
        bench.log()
    );
    let quiet = Bench::new();
    assert!(!quiet.log().contains("LEGACY_TX_CLAIMS"), "{}", quiet.log());
}
