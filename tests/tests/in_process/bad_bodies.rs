//! Bodies that are no JSON, or not the JSON of the route; unknown routes and
//! wrong methods. Each has its status and code, and changes nothing.

use crate::bench::{Bench, FILE, raw_request, signed_in};
use axum::body::Body;
use http::{Method, Request, header};
use serde_json::{Value, json};

/// Every route that takes a body, with one that it would accept but for the id.
fn routes_with_a_body() -> Vec<(Method, &'static str, Value)> {
    let id = "019000000000-7000-8000-000000000000";
    assert_eq!(id.len(), 35);
    vec![
        (Method::POST, "/v1/validate", json!({ "key": "k" })),
        (Method::POST, "/v1/purchase", json!({ "product": "p" })),
        (
            Method::POST,
            "/v1/license/0xabababababababababababababababababababababababababababababababab/claim",
            json!({ "nonce": "n", "signature": "0x00" }),
        ),
        (
            Method::POST,
            "/v1/claim/challenge",
            json!({ "binary_sha256": "b", "wallet_address": "w" }),
        ),
        (
            Method::POST,
            "/v1/claim",
            json!({ "binary_sha256": "b", "wallet_address": "w", "nonce": "n", "signature": "0x00" }),
        ),
        (
            Method::POST,
            "/v1/admin/products",
            json!({ "slug": "p", "name": "P", "price_sats": 1 }),
        ),
        (
            Method::PATCH,
            "/v1/admin/products/x",
            json!({ "name": "P" }),
        ),
        (
            Method::PATCH,
            "/v1/admin/products/x/active",
            json!({ "active": true }),
        ),
        (
            Method::POST,
            "/v1/admin/policies",
            json!({ "product_slug": "p", "slug": "q", "name": "Q" }),
        ),
        (
            Method::PATCH,
            "/v1/admin/policies/x",
            json!({ "name": "Q" }),
        ),
        (
            Method::POST,
            "/v1/admin/licenses",
            json!({ "product_slug": "p" }),
        ),
        (
            Method::POST,
            "/v1/admin/licenses/x/revoke",
            json!({ "reason": "r" }),
        ),
        (
            Method::POST,
            "/v1/admin/licenses/x/suspend",
            json!({ "reason": "r" }),
        ),
        (
            Method::PATCH,
            "/v1/admin/licenses/x",
            json!({ "max_machines": 1 }),
        ),
        (
            Method::PATCH,
            "/v1/admin/policies/x/active",
            json!({ "active": true }),
        ),
        (
            Method::PATCH,
            "/v1/admin/policies/x/public",
            json!({ "public": true }),
        ),
        (
            Method::PATCH,
            "/v1/admin/policies/x/archived",
            json!({ "archived": true }),
        ),
        (Method::POST, WITHOUT_A_BODY[0], json!({ "reason": "r" })),
        (Method::POST, WITHOUT_A_BODY[1], json!({ "reason": "r" })),
    ]
}

/// Routes whose body may be left out.
const WITHOUT_A_BODY: [&str; 2] = [
    "/v1/admin/licenses/x/unsuspend",
    "/v1/admin/machines/x/deactivate",
];

async fn refusal(bench: &Bench, request: Request<Body>) -> (u16, String) {
    bench.untouched_by(signed_in(request)).await.refusal()
}

#[tokio::test]
async fn what_is_no_json_is_refused_everywhere() {
    let bench = Bench::new();
    for (method, path, good) in routes_with_a_body() {
        let send = |content_type: &str, body: Vec<u8>| {
            raw_request(method.clone(), path, content_type, body)
        };
        let json = "application/json";
        let good = good.to_string().into_bytes();
        let broken: [&[u8]; 8] = [
            b"",
            b" ",
            b"not json",
            b"{",
            b"{\"key\":}",
            b"{'key':'k'}",
            b"{\"a\":1,}",
            b"\xff\xfe",
        ];
        for body in broken {
            let answer = refusal(&bench, send(json, body.to_vec())).await;
            let left_out = body.is_empty() && WITHOUT_A_BODY.contains(&path);
            let expected = if left_out {
                (404, "not_found".to_owned())
            } else {
                (400, "bad_request".to_owned())
            };
            assert_eq!(answer, expected, "{path} {body:?}");
        }
        let twice = [good.clone(), good.clone()].concat();
        assert_eq!(
            refusal(&bench, send(json, twice)).await,
            (400, "bad_request".to_owned())
        );
        for other in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
        ] {
            let answer = refusal(&bench, send(other, good.clone())).await;
            assert_eq!(
                answer,
                (415, "unsupported_media_type".to_owned()),
                "{path} {other}"
            );
        }
        let mut unnamed = send(json, good.clone());
        unnamed.headers_mut().remove(header::CONTENT_TYPE);
        assert_eq!(
            refusal(&bench, unnamed).await.0,
            415,
            "{path} without a content type"
        );
        let large = [vec![b' '; 2 * 1024 * 1024], good].concat();
        let answer = refusal(&bench, send(json, large)).await;
        assert_eq!(answer, (413, "payload_too_large".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_an_object_of_the_route_is_refused_everywhere() {
    let bench = Bench::new();
    for (method, path, good) in routes_with_a_body() {
        let name = good
            .as_object()
            .expect("members")
            .keys()
            .next()
            .expect("a member")
            .clone();
        let members = good.as_object().expect("members").values().cloned();
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let bodies = [
            "null".to_owned(),
            "1".to_owned(),
            "\"text\"".to_owned(),
            "[]".to_owned(),
            // The members in a list, without their names.
            Value::Array(members.collect()).to_string(),
            nested(100_000),
            format!("{{\"{name}\":{}}}", nested(100_000)),
            format!("{{\"{name}\":{}}}", nested(2)),
            format!("{{\"{name}\":{{}}}}"),
            format!("{{\"{name}\":1.5}}"),
            format!("{{\"{name}\":{0},\"{name}\":{0}}}", good[&name]),
        ];
        for body in bodies {
            let shown: String = body.chars().take(60).collect();
            let left_out = body == "null" && WITHOUT_A_BODY.contains(&path);
            let expected = if left_out {
                (404, "not_found".to_owned())
            } else {
                (422, "unprocessable_entity".to_owned())
            };
            let request = raw_request(method.clone(), path, "application/json", body);
            let answer = refusal(&bench, request).await;
            assert_eq!(answer, expected, "{path} {shown}");
        }
    }
}

#[tokio::test]
async fn text_that_is_no_unicode_is_refused() {
    let bench = Bench::new();
    for body in [
        &b"{\"key\":\"\xff\"}"[..],
        b"{\"key\":\"\\ud800\"}",
        b"{\"key\":\"\x00\"}",
    ] {
        let request = raw_request(
            Method::POST,
            "/v1/validate",
            "application/json",
            body.to_vec(),
        );
        assert_eq!(
            refusal(&bench, request).await,
            (400, "bad_request".to_owned()),
            "{body:?}"
        );
    }
}

#[tokio::test]
async fn deep_nesting_in_a_free_form_member_is_refused() {
    let bench = Bench::new();
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let body = format!("{{\"slug\":\"p\",\"name\":\"P\",\"price_sats\":1,\"metadata\":{deep}}}");
    let request = raw_request(Method::POST, "/v1/admin/products", "application/json", body);
    let (status, code) = refusal(&bench, request).await;
    assert!(matches!(
        (status, code.as_str()),
        (400, "bad_request") | (422, "unprocessable_entity")
    ));
}

#[tokio::test]
async fn an_error_does_not_send_the_body_back() {
    let bench = Bench::new();
    let body = json!({ "key": ["x".repeat(1_000_000)] });
    let request = raw_request(
        Method::POST,
        "/v1/validate",
        "application/json",
        body.to_string(),
    );
    let answer = bench.untouched_by(request).await;
    assert_eq!(answer.status, 422);
    let body = json!({ "active": "x".repeat(1_000_000) });
    let path = "/v1/admin/products/x/active";
    let request = raw_request(Method::PATCH, path, "application/json", body.to_string());
    let answer = bench.untouched_by(signed_in(request)).await;
    assert_eq!(answer.refusal(), (422, "unprocessable_entity".to_owned()));
    assert!(answer.body.len() < 2_000, "{} bytes", answer.body.len());
}

#[tokio::test]
async fn unknown_routes_answer_in_the_envelope() {
    let bench = Bench::new();
    for path in [
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/validate/",
        "/v1/validate/x",
        "/v1/purchase/",
        "/v1/purchase/a/b",
        "/v1/products/",
        "/v1/products/a/b",
        "/v1/products/a/policies/b",
        "/v1/btcpay",
        "/v1/btcpay/other",
        "/v1/zaprite",
        "/v1/zaprite/webhook",
        "/v1/zaprite/webhook/a/b",
        "/v1/cron",
        "/v1/cron/other",
        "/v1/admin",
        "/v1/admin/nothing",
        "/v2/validate",
        "/nothing",
        "//",
    ] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = bench.untouched_by(request).await;
        assert_eq!(answer.refusal(), (404, "not_found".to_owned()), "{path}");
        assert_eq!(
            answer.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            "*",
            "{path}"
        );
    }
}

#[tokio::test]
async fn wrong_methods_answer_in_the_envelope_and_name_the_right_ones() {
    let bench = Bench::new();
    for (path, methods) in [
        ("/", "GET,HEAD"),
        ("/healthz", "GET,HEAD"),
        ("/.well-known/jwks.json", "GET,HEAD"),
        ("/v1/pubkey", "GET,HEAD"),
        ("/v1/issuer/public-key", "GET,HEAD"),
        ("/v1/openapi.json", "GET,HEAD"),
        ("/v1/validate", "POST"),
        ("/v1/products", "GET,HEAD"),
        ("/v1/products/demo", "GET,HEAD"),
        ("/v1/products/demo/policies", "GET,HEAD"),
        ("/v1/purchase", "POST"),
        ("/v1/purchase/x", "GET,HEAD"),
        ("/v1/btcpay/webhook", "POST"),
        ("/v1/zaprite/webhook/x", "POST"),
        ("/v1/cron/renew", "POST"),
        ("/v1/cron/watch", "POST"),
        ("/v1/admin/products", "GET,HEAD,POST"),
        ("/v1/admin/products/x", "DELETE,GET,HEAD,PATCH"),
        ("/v1/admin/products/x/active", "PATCH"),
        ("/v1/admin/policies", "GET,HEAD,POST"),
        ("/v1/admin/policies/x", "DELETE,GET,HEAD,PATCH"),
        ("/v1/admin/policies/x/active", "PATCH"),
        ("/v1/admin/policies/x/public", "PATCH"),
        ("/v1/admin/policies/x/archived", "PATCH"),
        ("/v1/admin/licenses", "GET,HEAD,POST"),
        ("/v1/admin/licenses/search", "GET,HEAD,POST"),
        ("/v1/admin/licenses/summary", "GET,HEAD"),
        ("/v1/admin/licenses/x", "GET,HEAD,PATCH"),
        ("/v1/admin/licenses/x/suspend", "POST"),
        ("/v1/admin/licenses/x/unsuspend", "POST"),
        ("/v1/admin/licenses/x/revoke", "POST"),
        ("/v1/admin/machines", "GET,HEAD"),
        ("/v1/admin/machines/x/deactivate", "POST"),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"] {
            if methods.split(',').any(|allowed| allowed == method) {
                continue;
            }
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty());
            let answer = bench
                .untouched_by(signed_in(request.expect("a request")))
                .await;
            let refusal = answer.refusal();
            assert_eq!(
                refusal,
                (405, "method_not_allowed".to_owned()),
                "{method} {path}"
            );
            let allow = answer.headers[header::ALLOW]
                .to_str()
                .expect("a list")
                .replace(' ', "");
            let mut allowed: Vec<&str> = allow.split(',').collect();
            allowed.sort_unstable();
            assert_eq!(allowed.join(","), methods, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_release_gate_answers_in_its_own_form() {
    let bench = Bench::new();
    for (method, path, status, error) in [
        ("POST", "/releases", 405, "method not allowed"),
        ("DELETE", "/releases/", 405, "method not allowed"),
        ("PUT", "/releases/demo/", 405, "method not allowed"),
        ("POST", FILE, 405, "method not allowed"),
        ("GET", "/releases/demo/1.0.0", 404, "not found"),
        ("GET", "/releases/demo/1.0.0/", 404, "not found"),
        ("GET", "/releases/a/b/c/d/e", 404, "not found"),
        ("GET", "/releases/unknown/", 404, "product not found"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty());
        let answer = bench.untouched_by(request.expect("a request")).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.json(), json!({ "error": error }), "{method} {path}");
    }
}

#[tokio::test]
async fn every_answer_has_an_id_and_a_length() {
    let bench = Bench::new();
    for path in [
        "/",
        "/healthz",
        "/v1/nothing",
        "/releases/",
        "/v1/admin/policies",
    ] {
        let answer = bench.get(path).await;
        let id = answer.headers["x-request-id"].to_str().expect("an id");
        assert_eq!(id.len(), 36, "{path}: a UUID");
        let length = answer.headers[header::CONTENT_LENGTH]
            .to_str()
            .expect("a length");
        assert_eq!(length, answer.body.len().to_string(), "{path}");
    }
    for (given, kept) in [
        ("abc-DEF_1", true),
        ("", false),
        ("a b", false),
        ("a\"b", false),
    ] {
        let request = Request::get("/healthz")
            .header("x-request-id", given)
            .body(Body::empty());
        let answer = bench.send(request.expect("a request")).await;
        assert_eq!(answer.headers["x-request-id"] == given, kept, "{given}");
    }
}
