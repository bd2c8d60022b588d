//! Requests that are wrong in a way of their own: every one is answered in the
//! envelope, and none changes anything.

use super::cases;
use super::floor::product;
use crate::hosts::Instance;
use crate::shop::ADMIN_KEY;
use http::Method;

cases![
    unknown_routes,
    wrong_methods,
    not_json,
    wrong_members,
    content_types,
    oversized,
    odd_lines,
    odd_headers
];

/// Routes that read JSON, with a body that fits.
const ROUTES: [(&str, &str); 4] = [
    ("/v1/validate", r#"{"key":"x"}"#),
    ("/v1/machines/activate", r#"{"key":"x","fingerprint":"a"}"#),
    ("/v1/purchase", r#"{"product":"none-such"}"#),
    (
        "/v1/admin/products",
        r#"{"slug":"UPPER","name":"n","price_sats":1}"#,
    ),
];

async fn post(instance: &Instance, path: &str, kind: &str, body: Vec<u8>) -> crate::hosts::Answer {
    let request = instance
        .api
        .request(Method::POST, path)
        .bearer_auth(ADMIN_KEY);
    instance
        .api
        .send(request.header("content-type", kind).body(body))
        .await
}

async fn unknown_routes(instance: &Instance) {
    for path in [
        "/nowhere",
        "/v1",
        "/v1/",
        "/v2/validate",
        "/v1/validate/",
        "/v1/validate/x",
        "/v1/machines",
        "/v1/machines/",
        "/v1/machines/activate/x",
        "/v1/machines/refresh",
        "/v1/products/a/b",
        "/v1/products/a/policies/x",
        "/v1/purchase/a/b",
        "/v1/adminx",
        "/healthz/",
        "/.well-known/other",
        "/v1/%70ubkey",
        "/index.html",
    ] {
        instance.api.get(path).await.is_error(404, "not_found");
    }
    let request = instance
        .api
        .request(Method::POST, "/v1/admin/none")
        .bearer_auth(ADMIN_KEY);
    instance.api.send(request).await.is_error(404, "not_found");
}

async fn wrong_methods(instance: &Instance) {
    for (method, path, allowed) in [
        (Method::GET, "/v1/validate", "POST"),
        (Method::PUT, "/v1/validate", "POST"),
        (Method::GET, "/v1/machines/list", "POST"),
        (Method::DELETE, "/v1/machines/deactivate", "POST"),
        (Method::POST, "/healthz", "GET"),
        (Method::DELETE, "/", "GET"),
        (Method::POST, "/v1/pubkey", "GET"),
        (Method::POST, "/v1/products", "GET"),
        (Method::GET, "/v1/purchase", "POST"),
        (Method::PATCH, "/v1/products/x", "GET"),
    ] {
        let answer = instance.api.send(instance.api.request(method, path)).await;
        answer.is_error(405, "method_not_allowed");
        assert!(answer.header("allow").contains(allowed), "{answer:?}");
    }
}

async fn not_json(instance: &Instance) {
    for (path, good) in ROUTES {
        for body in [
            String::new(),
            "not json".to_owned(),
            "{".to_owned(),
            "{'key':'x'}".to_owned(),
            format!("{good} x"),
            format!("{good}{good}"),
            good.replace('}', ",}"),
            "\u{feff}{}".to_owned(),
            "NaN".to_owned(),
        ] {
            let answer = post(instance, path, "application/json", body.into_bytes()).await;
            answer.is_error(400, "bad_request");
        }
        let latin1 = b"{\"key\":\"\xe9\",\"product\":\"\xe9\",\"slug\":\"\xe9\"}".to_vec();
        let answer = post(instance, path, "application/json", latin1).await;
        answer.is_error(400, "bad_request");
    }
}

async fn wrong_members(instance: &Instance) {
    let deep = format!("{}1{}", "[".repeat(50_000), "]".repeat(50_000));
    for (path, body) in [
        ("/v1/validate", "{}".to_owned()),
        ("/v1/validate", "[]".to_owned()),
        ("/v1/validate", "null".to_owned()),
        ("/v1/validate", "\"LIC1\"".to_owned()),
        ("/v1/validate", r#"{"key":null}"#.to_owned()),
        ("/v1/validate", r#"{"key":1}"#.to_owned()),
        ("/v1/validate", r#"{"key":["x"]}"#.to_owned()),
        ("/v1/validate", r#"{"key":"x","key":"y"}"#.to_owned()),
        ("/v1/validate", r#"{"key":"x","fingerprint":1}"#.to_owned()),
        ("/v1/validate", format!(r#"{{"key":{deep}}}"#)),
        ("/v1/validate", deep.clone()),
        (
            "/v1/machines/activate",
            r#"{"key":"x","fingerprint":null}"#.to_owned(),
        ),
        (
            "/v1/machines/heartbeat",
            r#"{"fingerprint":"a"}"#.to_owned(),
        ),
        (
            "/v1/machines/deactivate",
            r#"{"key":"x","machine_id":7}"#.to_owned(),
        ),
        ("/v1/machines/list", "{}".to_owned()),
        ("/v1/purchase", r#"{"product":7}"#.to_owned()),
        ("/v1/purchase", r#"{"policy_slug":"x"}"#.to_owned()),
        (
            "/v1/purchase",
            r#"{"product":"a","product":"b"}"#.to_owned(),
        ),
        (
            "/v1/admin/products",
            r#"{"slug":"a","name":"n","price_sats":1.5}"#.to_owned(),
        ),
        (
            "/v1/admin/products",
            r#"{"slug":"a","name":"n","price_sats":"1"}"#.to_owned(),
        ),
        (
            "/v1/admin/products",
            r#"{"slug":"a","name":"n","price_sats":1e30}"#.to_owned(),
        ),
    ] {
        let answer = post(instance, path, "application/json", body.into_bytes()).await;
        answer.is_error(422, "unprocessable_entity");
    }
}

async fn content_types(instance: &Instance) {
    for (path, good) in ROUTES {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
        ] {
            let answer = post(instance, path, kind, good.as_bytes().to_vec()).await;
            answer.is_error(415, "unsupported_media_type");
        }
        let none = instance
            .api
            .request(Method::POST, path)
            .bearer_auth(ADMIN_KEY);
        let answer = instance.api.send(none.body(good)).await;
        answer.is_error(415, "unsupported_media_type");
    }
    for kind in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/x.y+json",
    ] {
        let answer = post(instance, "/v1/validate", kind, br#"{"key":"x"}"#.to_vec()).await;
        assert_eq!(answer.ok()["reason"], "bad_format", "{kind}");
    }
}

async fn oversized(instance: &Instance) {
    for (path, good) in ROUTES {
        let mut body = good.as_bytes().to_vec();
        body.resize(2 * 1024 * 1024 + 1, b' ');
        let answer = post(instance, path, "application/json", body).await;
        answer.is_error(413, "payload_too_large");
    }
    // The limit itself is taken.
    let mut body = br#"{"key":"x"}"#.to_vec();
    body.resize(2 * 1024 * 1024, b' ');
    let answer = post(instance, "/v1/validate", "application/json", body).await;
    assert_eq!(answer.ok()["reason"], "bad_format");
}

/// The instance still answers after requests that are hardly HTTP.
async fn odd_lines(instance: &Instance) {
    for request in [
        "GET /healthz?a=%&b=%zz&%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /healthz#x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /%%% HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /v1/products/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "BREW /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "nonsense\r\n\r\n",
    ] {
        let answer = instance.api.raw(request.as_bytes()).await;
        let fault = answer.as_ref().is_some_and(|answer| answer.status >= 500);
        let unknown = answer.as_ref().is_some_and(|answer| answer.status == 501);
        assert!(!fault || unknown, "{request:?}: {answer:?}");
    }
    product(instance, "after-odd-lines", 1).await;
}

/// A header's value may hold more than ASCII (RFC 9110, section 5.5). Spin
/// itself refuses what is not UTF-8.
async fn odd_headers(instance: &Instance) {
    for value in ["caf\u{e9}".as_bytes(), b"\"\\,;\t{}[]", b""] {
        let mut request = b"POST /v1/validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
            Content-Type: application/json\r\nContent-Length: 11\r\nUser-Agent: "
            .to_vec();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n\r\n{\"key\":\"x\"}");
        let answer = instance.api.raw(&request).await.expect("an answer");
        assert_eq!(answer.ok()["reason"], "bad_format", "{value:?}");
    }
}
