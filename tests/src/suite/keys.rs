//! What an application fetches to check keys by itself, and what every answer
//! has.

use super::cases;
use crate::hosts::{Instance, OPERATOR};
use http::{Method, header};
use keywright_license::PublicKey;
use serde_json::{Value, json};

cases![
    metadata,
    health,
    pubkey,
    issuer_key,
    jwks,
    openapi_document,
    head,
    preflight,
    request_id,
    content_types
];

/// What `make openapi` wrote.
const OPENAPI: &str = include_str!("../../../docs/openapi.json");

/// The routes of this file.
const PATHS: [&str; 6] = [
    "/",
    "/healthz",
    "/v1/pubkey",
    "/v1/issuer/public-key",
    "/v1/openapi.json",
    "/.well-known/jwks.json",
];

async fn metadata(instance: &Instance) {
    let body = instance.api.get("/").await.ok();
    assert_eq!(body["service"], "keywright");
    assert_eq!(body["operator"], OPERATOR);
    assert_eq!(body["key_algorithm"], "ed25519");
    assert_eq!(body["key_format_version"], 2);
    assert_eq!(
        body["public_key_pem"],
        instance.signing_key.public_key().to_pem()
    );
    assert!(
        body["version"]
            .as_str()
            .is_some_and(|version| version.contains('.')),
        "{body}"
    );
}

async fn health(instance: &Instance) {
    assert_eq!(
        instance.api.get("/healthz").await.ok(),
        json!({ "ok": true })
    );
    let ready = instance.api.get("/readyz").await.ok();
    assert_eq!(ready, json!({ "ok": true, "faults": [] }));
}

/// The checked-in one, to the last member.
async fn openapi_document(instance: &Instance) {
    let served = instance.api.get("/v1/openapi.json").await;
    let kept: Value = serde_json::from_str(OPENAPI).expect("JSON");
    assert_eq!(served.ok(), kept);
    assert!(served.body.len() < OPENAPI.len() * 2 / 3, "without indents");
}

async fn pubkey(instance: &Instance) {
    let body = instance.api.get("/v1/pubkey").await.ok();
    assert_eq!(body["algorithm"], "ed25519");
    let pem = body["public_key_pem"].as_str().expect("a PEM");
    assert_eq!(
        PublicKey::from_pem(pem),
        Ok(instance.signing_key.public_key())
    );
    assert!(
        pem.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"),
        "{pem}"
    );
    assert!(pem.ends_with("\n-----END PUBLIC KEY-----\n"), "{pem}");
}

async fn issuer_key(instance: &Instance) {
    let body = instance.api.get("/v1/issuer/public-key").await.ok();
    let pem = instance.signing_key.public_key().to_pem();
    let expected =
        json!({ "public_key_pem": pem, "key_algorithm": "ed25519", "key_format_version": 2 });
    assert_eq!(body, expected);
}

async fn jwks(instance: &Instance) {
    let answer = instance.api.get("/.well-known/jwks.json").await;
    let body = answer.ok();
    let keys = body["keys"].as_array().expect("a list of keys");
    assert_eq!(keys.len(), 1);
    let public = instance.signing_key.public_key();
    assert_eq!(keys[0]["kty"], "OKP");
    assert_eq!(keys[0]["crv"], "Ed25519");
    assert_eq!(keys[0]["alg"], "EdDSA");
    assert_eq!(keys[0]["kid"], public.key_id());
    assert_eq!(PublicKey::from_jwk(&keys[0].to_string()), Ok(public));
    assert!(
        answer.header("cache-control").contains("max-age"),
        "{answer:?}"
    );
}

async fn head(instance: &Instance) {
    for path in PATHS {
        let got = instance.api.get(path).await;
        let head = instance
            .api
            .send(instance.api.request(Method::HEAD, path))
            .await;
        assert_eq!(head.status, 200, "HEAD {path}");
        for name in ["content-length", "content-type"] {
            assert_eq!(head.header(name), got.header(name), "{name} of HEAD {path}");
        }
    }
}

async fn preflight(instance: &Instance) {
    for path in [
        "/v1/validate",
        "/v1/purchase",
        "/v1/admin/products",
        "/v1/nowhere",
    ] {
        let request = instance
            .api
            .request(Method::OPTIONS, path)
            .header(header::ORIGIN, "https://app.example")
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "content-type, authorization",
            );
        let answer = instance.api.send(request).await;
        assert!(matches!(answer.status, 200 | 204), "{answer:?}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            "*",
            "{answer:?}"
        );
        assert!(
            answer
                .header("access-control-allow-methods")
                .contains("POST"),
            "{answer:?}"
        );
        assert!(
            !answer.header("access-control-allow-headers").is_empty(),
            "{answer:?}"
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            "",
            "{answer:?}"
        );
    }
}

async fn request_id(instance: &Instance) {
    let ask = |id: String| {
        let request = instance
            .api
            .request(Method::GET, "/healthz")
            .header("x-request-id", id);
        instance.api.send(request)
    };
    assert_eq!(
        ask("trace_42-a".to_owned()).await.header("x-request-id"),
        "trace_42-a"
    );
    // What could forge a log line or fill it is replaced.
    for odd in [
        "two words".to_owned(),
        "a".repeat(65),
        "{\"a\":1}".to_owned(),
    ] {
        assert_ne!(ask(odd.clone()).await.header("x-request-id"), odd);
    }
    let (one, two) = (ask(String::new()).await, ask(String::new()).await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

async fn content_types(instance: &Instance) {
    for path in PATHS {
        let answer = instance.api.get(path).await;
        assert_eq!(answer.header("content-type"), "application/json", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
}
