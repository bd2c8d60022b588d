//! The release gate: who gets a file, and what everybody else gets.

use super::cases;
use super::floor::{issue, now, product, text};
use crate::hosts::releases::{
    FILES, LARGE, LARGE_BYTES, LICENSED, MISTAKEN, OPEN, PLATFORM, large,
};
use crate::hosts::{Answer, Instance};
use http::Method;
use keywright_license::{Date, SigningKey, TokenClaims};
use reqwest::RequestBuilder;
use serde_json::json;
use sha2::{Digest, Sha256};

cases![
    listings,
    headers,
    head,
    open_product,
    mistaken_manifest,
    signature_files,
    no_token,
    where_a_token_goes,
    bad_tokens,
    expiry,
    issued_tokens,
    missing_files,
    empty_file,
    large_file,
    other_methods,
];

const DAY: i64 = 86_400;

fn path(product: &str) -> String {
    format!("/releases/{product}/1.0.0/{PLATFORM}")
}

fn bytes_of(product: &str) -> &'static [u8] {
    let key = format!("{product}/1.0.0/{PLATFORM}");
    FILES
        .iter()
        .find(|(name, _)| *name == key)
        .expect("a file")
        .1
}

fn token(key: &SigningKey, product: &str, last_day: Date) -> String {
    key.sign_token(&TokenClaims {
        product: product.to_owned(),
        channel_expiry: last_day,
        entitlements: Vec::new(),
        version_floor: None,
        license: None,
        maintenance_until: None,
        issued_at: None,
    })
    .expect("a token")
}

/// A token that opens the licensed product.
fn good(instance: &Instance) -> String {
    token(&instance.signing_key, LICENSED, Date::MAX)
}

async fn with_bearer(instance: &Instance, path: &str, token: &str) -> Answer {
    instance
        .api
        .send(get(instance, path).bearer_auth(token))
        .await
}

fn get(instance: &Instance, path: &str) -> RequestBuilder {
    instance.api.request(Method::GET, path)
}

/// An error in the release server's form, without a byte of the file.
fn refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}: {}", answer.asked, answer.text());
    assert_eq!(answer.json()["error"], error, "{}", answer.asked);
    assert!(!answer.text().contains("#!/bin/sh"), "{}", answer.asked);
    assert_eq!(answer.header("content-disposition"), "", "{}", answer.asked);
}

async fn listings(instance: &Instance) {
    for path in ["/releases/", "/releases"] {
        let body = instance.api.get(path).await.ok();
        assert_eq!(
            body,
            json!({ "products": ["extension", "gate", "listed", "mistaken", "open", "sold"] }),
            "{path}"
        );
    }
    let body = instance.api.get("/releases/gate/").await.ok();
    assert_eq!(
        body,
        json!({ "product": "gate", "versions": ["1.10.0-rc1", "1.0.0"] })
    );
    let body = instance.api.get("/releases/open/").await.ok();
    assert_eq!(body, json!({ "product": "open", "versions": ["1.0.0"] }));
    refused(
        &instance.api.get("/releases/nothing/").await,
        404,
        "product not found",
    );
    refused(
        &instance.api.get("/releases/gate/1.0.0").await,
        404,
        "not found",
    );
    refused(
        &instance.api.get("/releases/gate/1.0.0/").await,
        404,
        "not found",
    );
}

async fn headers(instance: &Instance) {
    let answer = with_bearer(instance, &path(LICENSED), &good(instance)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, bytes_of(LICENSED));
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let saved = format!("attachment; filename=\"gate-1.0.0-{PLATFORM}\"");
    assert_eq!(answer.header("content-disposition"), saved);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    // A file that was paid for does not stay in a shared cache.
    assert!(
        answer.header("cache-control").contains("private"),
        "{answer:?}"
    );
}

async fn head(instance: &Instance) {
    for (product, token) in [(LICENSED, good(instance)), (OPEN, String::new())] {
        let request = instance.api.request(Method::HEAD, &path(product));
        let answer = instance.api.send(request.bearer_auth(token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(
            answer.header("content-length"),
            bytes_of(product).len().to_string()
        );
        assert_eq!(answer.header("content-type"), "application/octet-stream");
    }
    let request = instance.api.request(Method::HEAD, &path(LICENSED));
    assert_eq!(instance.api.send(request).await.status, 401);
    let request = instance
        .api
        .request(Method::HEAD, &format!("/releases/{LARGE}"));
    let answer = instance.api.send(request).await;
    assert_eq!(answer.header("content-length"), LARGE_BYTES.to_string());
}

async fn open_product(instance: &Instance) {
    let answer = instance.api.get(&path(OPEN)).await;
    assert_eq!((answer.status, &answer.body[..]), (200, bytes_of(OPEN)));
    // A token that is no good does not close what is open.
    let answer = with_bearer(instance, &path(OPEN), "garbage").await;
    assert_eq!(answer.status, 200);
}

/// Only the boolean `false` opens a product.
async fn mistaken_manifest(instance: &Instance) {
    refused(
        &instance.api.get(&path(MISTAKEN)).await,
        401,
        "token required",
    );
    let right = token(&instance.signing_key, MISTAKEN, Date::MAX);
    let answer = with_bearer(instance, &path(MISTAKEN), &right).await;
    assert_eq!(answer.body, bytes_of(MISTAKEN));
}

async fn signature_files(instance: &Instance) {
    let answer = instance.api.get(&format!("{}.sig", path(LICENSED))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), "a detached signature of gate 1.0.0");
    assert_eq!(answer.header("content-disposition"), "");
    let missing = instance.api.get("/releases/gate/1.0.0/other.sig").await;
    refused(&missing, 404, "binary not found");
}

async fn no_token(instance: &Instance) {
    let answer = instance.api.get(&path(LICENSED)).await;
    refused(&answer, 401, "token required");
    // Some hosts put both challenges into one header.
    let challenges = answer.headers.get_all("www-authenticate").iter();
    let challenges: Vec<&str> = challenges.filter_map(|one| one.to_str().ok()).collect();
    assert_eq!(challenges.join(", "), "Bearer, Basic realm=\"downloads\"");
    let body = answer.json();
    assert!(
        body["header"].is_string() && body["query"].is_string(),
        "says where: {body}"
    );
    // Also where there is no such file: who may not have it does not learn of it.
    let nothing = instance.api.get("/releases/gate/9.9.9/nothing").await;
    refused(&nothing, 401, "token required");
    refused(
        &instance.api.get("/releases/unknown/1.0.0/x").await,
        401,
        "token required",
    );
}

async fn where_a_token_goes(instance: &Instance) {
    let (path, good) = (path(LICENSED), good(instance));
    let status = |request: RequestBuilder| async { instance.api.send(request).await.status };
    let header = |value: String| get(instance, &path).header("authorization", value);
    let query = |request: RequestBuilder, value: &str| request.query(&[("token", value)]);
    assert_eq!(status(query(get(instance, &path), &good)).await, 200);
    // The header wins, even when it is garbage.
    assert_eq!(
        status(query(header("Bearer garbage".to_owned()), &good)).await,
        401
    );
    assert_eq!(
        status(query(header(format!("Bearer {good}")), "garbage")).await,
        200
    );
    // Another scheme, or another case, is passed over.
    assert_eq!(
        status(query(header("Basic abc".to_owned()), &good)).await,
        200
    );
    assert_eq!(
        status(query(header(format!("bearer {good}")), &good)).await,
        200
    );
    assert_eq!(status(header(format!("bearer {good}"))).await, 200);
    assert_eq!(status(header(format!("Token {good}"))).await, 401);
    let twice = query(query(get(instance, &path), &good), &good);
    refused(&instance.api.send(twice).await, 400, "bad query");
}

async fn bad_tokens(instance: &Instance) {
    let good = good(instance);
    let other = SigningKey::from_bytes(&[9; 32]).expect("a seed");
    let forged = token(&other, LICENSED, Date::MAX);
    let elsewhere = token(&instance.signing_key, "another", Date::MAX);
    let short = good[..80].to_owned();
    let longer = format!("{good}A");
    for (token, status, error) in [
        ("%%%", 401, "malformed-token"),
        ("Zm9v=", 401, "malformed-token"),
        ("", 401, "token-too-short"),
        (&short, 401, "token-too-short"),
        (&forged, 401, "invalid-signature"),
        (&elsewhere, 403, "wrong-product"),
    ] {
        let request = get(instance, &path(LICENSED)).query(&[("token", token)]);
        refused(&instance.api.send(request).await, status, error);
    }
    let answer = with_bearer(instance, &path(LICENSED), &longer).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    // The license key opens what its token does.
    product(instance, LICENSED, 10).await;
    let key = text(&issue(instance, LICENSED, json!({})).await, "license_key");
    assert_eq!(
        with_bearer(instance, &path(LICENSED), &key).await.status,
        200
    );
}

async fn expiry(instance: &Instance) {
    let until = |at: i64| token(&instance.signing_key, LICENSED, Date::from_unix(at));
    loop {
        let today = now();
        let mut answers = Vec::new();
        for at in [today - DAY, today, today + DAY] {
            answers.push(with_bearer(instance, &path(LICENSED), &until(at)).await);
        }
        // At midnight all three days change under us.
        if now() / DAY == today / DAY {
            refused(&answers[0], 403, "channel-expired");
            assert_eq!((answers[1].status, answers[2].status), (200, 200));
            break;
        }
    }
    // Wrong product comes before expired.
    let neither = token(
        &instance.signing_key,
        "another",
        Date::from_unix(now() - DAY),
    );
    refused(
        &with_bearer(instance, &path(LICENSED), &neither).await,
        403,
        "wrong-product",
    );
}

/// Tokens as the shop issues them, not as this suite mints them.
async fn issued_tokens(instance: &Instance) {
    product(instance, MISTAKEN, 10).await;
    product(instance, "not-mistaken", 10).await;
    let right = issue(instance, MISTAKEN, json!({})).await;
    let wrong = issue(instance, "not-mistaken", json!({})).await;
    let past = issue(
        instance,
        MISTAKEN,
        json!({ "expires_at": "2020-01-01T00:00:00Z" }),
    )
    .await;
    let ask = |issued| with_bearer_of(instance, issued);
    assert_eq!(ask(&right).await.body, bytes_of(MISTAKEN));
    refused(&ask(&wrong).await, 403, "wrong-product");
    refused(&ask(&past).await, 403, "channel-expired");
}

async fn with_bearer_of(instance: &Instance, issued: &serde_json::Value) -> Answer {
    with_bearer(instance, &path(MISTAKEN), &text(issued, "token")).await
}

async fn missing_files(instance: &Instance) {
    let good = good(instance);
    for path in [
        "/releases/gate/9.9.9/x86_64-unknown-linux-gnu",
        "/releases/gate/1.0.0/other",
        // A folder, not a file.
        "/releases/gate/1.0.0/folder",
    ] {
        refused(
            &with_bearer(instance, path, &good).await,
            404,
            "binary not found",
        );
    }
    // A manifest decides about the gate and is not served as a version.
    let manifest = instance.api.get("/releases/open/MANIFEST.json").await;
    assert_eq!(manifest.status, 404, "{manifest:?}");
    let beneath = instance.api.get("/releases/open/MANIFEST.json/x").await;
    refused(&beneath, 404, "binary not found");
    let deep = instance
        .api
        .get("/releases/open/1.0.0/x86_64-unknown-linux-gnu/more")
        .await;
    assert_eq!(deep.status, 404, "{deep:?}");
}

async fn empty_file(instance: &Instance) {
    let answer = with_bearer(instance, "/releases/gate/1.0.0/empty", &good(instance)).await;
    assert_eq!(
        (answer.status, answer.header("content-length")),
        (200, "0"),
        "{answer:?}"
    );
}

async fn large_file(instance: &Instance) {
    let expected = Sha256::digest(large());
    let path = format!("/releases/{LARGE}");
    // Two at once, so that streams do not mix.
    for answer in super::races::at_once(2, |_| instance.api.get(&path)).await {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body.len(), LARGE_BYTES);
        assert_eq!(Sha256::digest(&answer.body), expected);
    }
}

async fn other_methods(instance: &Instance) {
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        for path in [path(OPEN), "/releases/".to_owned()] {
            let answer = instance
                .api
                .send(instance.api.request(method.clone(), &path))
                .await;
            refused(&answer, 405, "method not allowed");
        }
    }
}
