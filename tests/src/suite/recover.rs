//! Keys that were bought before and lost.

use super::cases;
use super::floor::{NOBODY, policy, product, revoke, text};
use crate::hosts::{Answer, Instance};
use crate::shop::CLIENT_ADDRESS_HEADER;
use http::Method;
use serde_json::{Value, json};

cases![
    recovered,
    replaced,
    one_refusal_for_all,
    bad_bodies,
    too_many_tries
];

async fn recover(instance: &Instance, invoice_id: &str, email: &str) -> Answer {
    let body = json!({ "invoice_id": invoice_id, "email": email });
    instance.api.post("/v1/recover", &body).await
}

async fn bought(instance: &Instance, product: &str, email: &str) -> Value {
    let order = json!({ "product": product, "buyer_email": email });
    instance.api.post("/v1/purchase", &order).await.ok()
}

async fn recovered(instance: &Instance) {
    let made = product(instance, "recovered", 0).await;
    let terms = json!({ "entitlements": ["pro", "sync"], "duration_seconds": 86_400 });
    policy(instance, "recovered", "default", terms).await;
    let sale = bought(instance, "recovered", "Lost@Example.org").await;
    let invoice = text(&sale, "invoice_id");
    for email in ["lost@example.org", "  LOST@EXAMPLE.ORG  "] {
        let answer = recover(instance, &invoice, email).await;
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!answer.header("ratelimit").is_empty(), "{answer:?}");
        let found = answer.ok();
        let (issued, ends) = (found["issued_at"].clone(), found["expires_at"].clone());
        let expected = json!({
            "license_key": sale["license_key"], "license_id": sale["license_id"],
            "token": sale["token"], "download_id": sale["download_id"],
            "product_id": made["id"], "product": "recovered", "issued_at": issued,
            "expires_at": ends, "entitlements": ["pro", "sync"], "is_for_joomla": false,
        });
        assert_eq!(found, expected);
        for at in [issued, ends] {
            assert!(at.as_str().is_some_and(|at| at.ends_with('Z')), "{at}");
        }
    }
    product(instance, "recovered-for-ever", 0).await;
    let sale = bought(instance, "recovered-for-ever", "a@b.example").await;
    let found = recover(instance, &text(&sale, "invoice_id"), "a@b.example").await;
    assert_eq!(found.ok()["expires_at"], Value::Null);
}

/// A leaked key is replaced, on every host in one batch.
async fn replaced(instance: &Instance) {
    product(instance, "replaced", 0).await;
    let sale = bought(instance, "replaced", "a@b.example").await;
    let invoice = text(&sale, "invoice_id");
    let proof = json!({ "invoice_id": invoice, "email": "a@b.example" });
    let api = &instance.api;
    let new = api.post("/v1/licenses/replace-key", &proof).await.ok();
    assert_eq!(new["license_id"], sale["license_id"]);
    for (key, ok) in [(&sale["license_key"], false), (&new["license_key"], true)] {
        let key = json!({ "key": key });
        let validated = api.post("/v1/validate", &key).await.ok();
        assert_eq!(validated["ok"], ok, "{validated}");
        let current = api.post("/v1/licenses/current-key", &key).await;
        assert_eq!(current.status, if ok { 200 } else { 403 });
    }
    let order = api.get(&format!("/v1/purchase/{invoice}")).await.ok();
    assert_eq!(order["license_key"], Value::Null, "{order}");
}

async fn one_refusal_for_all(instance: &Instance) {
    product(instance, "not-recovered", 0).await;
    product(instance, "not-paid", 1_000).await;
    let sale = bought(instance, "not-recovered", "a@b.example").await;
    let revoked = bought(instance, "not-recovered", "a@b.example").await;
    revoke(instance, &text(&revoked, "license_id")).await.ok();
    let unpaid = bought(instance, "not-paid", "a@b.example").await;
    let nameless = json!({ "product": "not-recovered" });
    let nameless = instance.api.post("/v1/purchase", &nameless).await.ok();
    let mut answers = Vec::new();
    for (invoice, email) in [
        (text(&sale, "invoice_id"), "other@b.example"),
        (text(&revoked, "invoice_id"), "a@b.example"),
        (text(&unpaid, "invoice_id"), "a@b.example"),
        (text(&nameless, "invoice_id"), "a@b.example"),
        (NOBODY.to_owned(), "a@b.example"),
        ("'; --".to_owned(), "a@b.example"),
        ("x".repeat(10_000), "a@b.example"),
    ] {
        let answer = recover(instance, &invoice, email).await;
        answer.is_error(404, "not_found");
        answers.push(answer.text());
    }
    assert!(
        answers.iter().all(|text| *text == answers[0]),
        "{answers:?}"
    );
}

async fn bad_bodies(instance: &Instance) {
    for (invoice, email) in [("", "a@b"), ("  ", "a@b"), ("x", ""), ("x", "\t ")] {
        let answer = recover(instance, invoice, email).await;
        answer.is_error(400, "bad_request");
    }
    for body in [
        json!({}),
        json!({ "invoice_id": "x" }),
        json!({ "email": 1, "invoice_id": 1 }),
    ] {
        let answer = instance.api.post("/v1/recover", &body).await;
        answer.is_error(422, "unprocessable_entity");
    }
    instance
        .api
        .get("/v1/recover")
        .await
        .is_error(405, "method_not_allowed");
}

/// Ten at once, then one every six seconds.
async fn too_many_tries(instance: &Instance) {
    let body = json!({ "invoice_id": "guessed", "email": "a@b.example" });
    let recover_of_one = || {
        let request = instance.api.request(Method::POST, "/v1/recover");
        let request = request.header(CLIENT_ADDRESS_HEADER, "203.0.113.77");
        instance.api.send(request.json(&body))
    };
    let tries = super::races::at_once(200, |_| recover_of_one()).await;
    let (mut refused, mut limited) = (0, 0);
    for answer in &tries {
        if answer.status == 429 {
            answer.is_error(429, "rate_limited");
            let after: u64 = answer.header("retry-after").parse().expect("seconds");
            // Six, and what passed between reading the clock and taking.
            assert!((1..=36).contains(&after), "{after}");
            limited += 1;
        } else {
            answer.is_error(404, "not_found");
            refused += 1;
        }
    }
    // Some come back while they run.
    assert!(
        (10..=30).contains(&refused),
        "{refused} of {}",
        refused + limited
    );
}
