//! Names that are not known, on every route of ours: an error with the nearest name, and
//! no change. Routes that foreign programs call ignore them.

use crate::bench::{Bench, json_request, raw_request, signed_in};
use axum::body::Body;
use http::{Method, Request};
use keywright_tests::openapi;
use serde_json::{Value, json};

/// Called by foreign programs, which send more than we know.
fn is_foreign(path: &str) -> bool {
    let prefixes = [
        "/releases",
        "/verify-key",
        "/git/",
        "/api/v1/licensing/",
        "/updates/",
        "/v1/btcpay/",
        "/v1/zaprite/",
        "/v1/cron/",
    ];
    prefixes.iter().any(|prefix| path.starts_with(prefix))
        || matches!(path, "/" | "/healthz" | "/readyz")
}

/// Every operation of the document: method, path, and the operation.
fn operations(document: &Value) -> Vec<(Method, &str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("methods").iter();
        methods.filter_map(move |(method, operation)| {
            let method = method.to_uppercase().parse().ok()?;
            operation["operationId"].is_string().then_some(())?;
            Some((method, path.as_str(), operation))
        })
    });
    operations.collect()
}

fn with_parameters(path: &str) -> String {
    let hash = format!("0x{}", "0".repeat(64));
    let segments = path.split('/').map(|segment| match segment {
        "{tx_hash}" => &hash,
        _ if segment.starts_with('{') => "x",
        _ => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn an_unknown_query_parameter_is_refused_on_every_route_of_ours() {
    let bench = Bench::new();
    let document = openapi::document();
    let mut refused = 0;
    for (method, path, _) in operations(&document) {
        let url = format!("{}?surprise=1", with_parameters(path));
        let mut request = json_request(method.clone(), &url, &json!({}));
        if path.starts_with("/v1/admin/") {
            request = signed_in(request);
        }
        let answer = bench.untouched_by(request).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        let names_it = body.contains("unknown query parameter \\\"surprise\\\"");
        if is_foreign(path) {
            assert!(!names_it, "{method} {path}: {body}");
        } else {
            assert_eq!(
                answer.refusal(),
                (400, "bad_request".to_owned()),
                "{method} {path}"
            );
            assert!(names_it, "{method} {path}: {body}");
            refused += 1;
        }
    }
    assert!(refused > 80, "{refused}");
}

/// The schema itself, not a reference to it, nor that it may be null.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let alternatives = schema["oneOf"].as_array();
    let schema = alternatives
        .and_then(|schemas| schemas.iter().find(|schema| schema["$ref"].is_string()))
        .unwrap_or(schema);
    match schema["$ref"].as_str() {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .expect("a schema"),
        None => schema,
    }
}

/// Asserts that no object with members of its own takes others; answers how many there are.
fn closed(document: &Value, schema: &Value, what: &str) -> usize {
    let schema = resolved(document, schema);
    let mut objects = 0;
    if let Some(properties) = schema["properties"].as_object() {
        assert_eq!(schema["additionalProperties"], false, "{what}: {schema}");
        objects += 1;
        for (name, property) in properties {
            objects += closed(document, property, &format!("{what}.{name}"));
        }
    }
    if schema["items"].is_object() {
        objects += closed(document, &schema["items"], &format!("{what}[]"));
    }
    objects
}

#[tokio::test]
async fn an_unknown_member_is_refused_on_every_route_of_ours() {
    let bench = Bench::new();
    let document = openapi::document();
    let mut objects = 0;
    for (method, path, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() || is_foreign(path) {
            continue;
        }
        let url = with_parameters(path);
        let request = signed_in(json_request(
            method.clone(),
            &url,
            &json!({ "surprise": 1 }),
        ));
        let answer = bench.untouched_by(request).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        if path == "/verify-key" {
            assert!(!body.contains("surprise"), "{body}");
            continue;
        }
        assert_eq!(answer.status, 422, "{method} {path}: {body}");
        let named = "unknown member \\\"surprise\\\"";
        assert!(body.contains(named), "{method} {path}: {body}");
        objects += closed(&document, schema, path);
    }
    assert!(objects > 45, "{objects}");
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table")]
async fn a_name_that_is_nearly_right_is_told_the_right_one() {
    let bench = Bench::new();
    bench.product("demo", 4_900).await;
    bench
        .policy(
            "demo",
            "trial",
            json!({ "is_trial": true, "price_sats": 0 }),
        )
        .await;
    let license = bench.issue("demo", json!({})).await.text("license_id");
    let license = format!("/v1/admin/licenses/{license}");
    for (method, path, body, message) in [
        (
            "POST",
            "/v1/purchase",
            json!({ "product": "demo", "policy": "trial" }),
            "unknown member \"policy\"; did you mean policy_slug?",
        ),
        (
            "POST",
            "/v1/purchase",
            json!({ "product": "demo", "email": "a@b.cc" }),
            "unknown member \"email\"; did you mean buyer_email?",
        ),
        (
            "POST",
            "/v1/purchase",
            json!({ "product": "demo", "discount_code": "X" }),
            "unknown member \"discount_code\"; did you mean code?",
        ),
        (
            "POST",
            "/v1/redeem",
            json!({ "product_slug": "demo", "code": "X" }),
            "unknown member \"product_slug\"; did you mean product?",
        ),
        (
            "POST",
            "/v1/recover",
            json!({ "order_id": "x", "email": "a@b.cc" }),
            "unknown member \"order_id\"; known are invoice_id and email",
        ),
        (
            "POST",
            "/v1/validate",
            json!({ "license_key": "x" }),
            "unknown member \"license_key\"; did you mean key?",
        ),
        (
            "POST",
            "/v1/validate",
            json!({ "key": "x", "product": "demo" }),
            "unknown member \"product\"; did you mean product_slug?",
        ),
        (
            "PATCH",
            &license,
            json!({ "max_machine": 5 }),
            "unknown member \"max_machine\"; did you mean max_machines?",
        ),
        (
            "POST",
            "/v1/admin/products",
            json!({ "slug": "p", "name": "P", "price_sats": 1, "descripton": "x" }),
            "unknown member \"descripton\"; did you mean description?",
        ),
        (
            "POST",
            "/v1/admin/products",
            json!({ "slug": "p", "name": "P", "price_currency": "USD", "price_value": 4.99 }),
            "price_value must be a whole number of cents, or of sats",
        ),
        (
            "POST",
            "/v1/admin/products",
            json!({
                "slug": "p", "name": "P", "price_sats": 1,
                "entitlements_catalog": [
                    { "slug": "a", "name": "A" },
                    { "slug": "b", "name": "B", "desc": "x" },
                ],
            }),
            "unknown member \"entitlements_catalog[1].desc\"; did you mean description?",
        ),
        (
            "POST",
            "/v1/admin/products",
            json!({
                "slug": "p", "name": "P", "price_sats": 1,
                "entitlements_catalog": [{ "slug": "a", "name": 1 }],
            }),
            "entitlements_catalog[0].name must be text",
        ),
    ] {
        let method = method.parse().expect("a method");
        let answer = bench
            .untouched_by(signed_in(json_request(method, path, &body)))
            .await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        assert_eq!(answer.text("message"), message, "{body}");
    }
    for (url, message) in [
        (
            "/v1/admin/licenses?email=x@y.cc",
            "unknown query parameter \"email\"; did you mean buyer_email?",
        ),
        (
            "/v1/admin/machines?licence_id=zzz",
            "unknown query parameter \"licence_id\"; did you mean license_id?",
        ),
        (
            "/v1/discount-codes/preview?product=demo&code=X&policy=trial",
            "unknown query parameter \"policy\"; did you mean policy_slug?",
        ),
        (
            "/v1/products?slug=demo",
            "unknown query parameter \"slug\"; this endpoint takes none",
        ),
        (
            "/v1/discount-codes/preview?product=demo&code=X&code=Y",
            "code must be sent once at most",
        ),
        (
            "/v1/storefront?product=de%00mo",
            "product must not contain U+0000",
        ),
    ] {
        let request = Request::get(url).body(Body::empty()).expect("a request");
        let answer = bench.untouched_by(signed_in(request)).await;
        assert_eq!(answer.status, 400, "{url}: {answer:?}");
        assert_eq!(answer.text("message"), message, "{url}");
    }
}

#[tokio::test]
async fn text_that_readers_cut_is_refused_by_name() {
    let bench = Bench::new();
    bench.product("demo", 4_900).await;
    for (path, body, message) in [
        (
            "/v1/purchase",
            r#"{"product":"demo","buyer_note":"a\u0000b"}"#,
            "buyer_note must not contain U+0000",
        ),
        (
            "/v1/validate",
            r#"{"key":"x","fingerprint":"\ud83d"}"#,
            "fingerprint must not contain half of a surrogate pair",
        ),
        (
            "/v1/admin/products",
            r#"{"slug":"p","name":"P","price_sats":1,"metadata":{"a":["\u0000"]}}"#,
            "metadata.a[0] must not contain U+0000",
        ),
    ] {
        let request = raw_request(Method::POST, path, "application/json", body);
        let answer = bench.untouched_by(signed_in(request)).await;
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{body}");
        assert_eq!(answer.text("message"), message, "{body}");
    }
}
