//! `POST /v1/validate`: every reason in its order, as the clock moves, and
//! what an answer holds.

use crate::bench::{Answer, Bench, NOW};
use keywright_license::{NewLicense, SigningKey, Uuid, hash_fingerprint};
use keywright_tests::shop::SIGNING_KEY;
use serde_json::{Value, json};

/// 2027-01-16T08:00:00Z, a day after the clock's start.
const EXPIRY: &str = "2027-01-16T08:00:00Z";
const DAY: u64 = 86_400;

async fn validate(bench: &Bench, question: &Value) -> Value {
    let answer: Answer = bench.post("/v1/validate", question).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    let members = json.as_object().expect("an object");
    assert!(
        members.values().all(|value| !value.is_null()),
        "null in {json}"
    );
    json
}

async fn reason(bench: &Bench, question: &Value) -> String {
    let answer = validate(bench, question).await;
    assert_eq!(answer["ok"], false, "{answer}");
    answer["reason"].as_str().expect("a reason").to_owned()
}

fn members(answer: &Value) -> Vec<&str> {
    answer
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn a_good_key_shows_what_is_recorded_and_nothing_that_does_not_apply() {
    let bench = Bench::new();
    let product_id = bench.product("demo", 1).await;
    let plain = bench.issue("demo", json!({})).await;
    let question = json!({ "key": plain.text("license_key") });
    assert_eq!(
        validate(&bench, &question).await,
        json!({
            "ok": true,
            "license_id": plain.text("license_id"),
            "product_id": product_id,
            "product_slug": "demo",
            "issued_at": "2027-01-15T08:00:00Z",
            "status": "active",
            "max_machines": 1,
        })
    );
    let terms = json!({
        "entitlements": ["pro", "sync"], "is_trial": true, "max_machines": 0,
        "expires_at": EXPIRY,
    });
    let full = bench.issue("demo", terms).await;
    let question = json!({
        "key": full.text("license_key"), "product_slug": "demo", "fingerprint": "machine",
        "hostname": "host", "platform": "linux",
    });
    let answer = validate(&bench, &question).await;
    assert_eq!(
        answer,
        json!({
            "ok": true,
            "license_id": full.text("license_id"),
            "product_id": product_id,
            "product_slug": "demo",
            "issued_at": "2027-01-15T08:00:00Z",
            "expires_at": EXPIRY,
            "is_trial": true,
            "entitlements": ["pro", "sync"],
            "status": "active",
            "max_machines": 0,
            "machine_id": answer["machine_id"],
        })
    );
}

#[tokio::test]
async fn grace_begins_and_ends_on_its_second() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let terms = json!({ "expires_at": EXPIRY, "grace_seconds": 3_600 });
    let issued = bench.issue("demo", terms).await;
    let question = json!({ "key": issued.text("license_key") });
    bench.clock.advance(DAY - 1);
    let answer = validate(&bench, &question).await;
    assert_eq!(
        (&answer["ok"], &answer["expires_at"]),
        (&json!(true), &json!(EXPIRY))
    );
    assert!(!members(&answer).contains(&"in_grace_period"), "{answer}");
    assert!(!members(&answer).contains(&"grace_until"), "{answer}");
    // The first and the last second of the grace.
    for seconds in [1, 3_599] {
        bench.clock.advance(seconds);
        let answer = validate(&bench, &question).await;
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(answer["in_grace_period"], true, "{answer}");
        assert_eq!(answer["grace_until"], "2027-01-16T09:00:00Z", "{answer}");
    }
    bench.clock.advance(1);
    let answer = validate(&bench, &question).await;
    assert_eq!(
        answer,
        json!({
            "ok": false,
            "reason": "expired",
            "license_id": issued.text("license_id"),
            "product_id": issued.text("product_id"),
            "expires_at": EXPIRY,
        })
    );
}

#[tokio::test]
async fn without_grace_the_boundary_second_is_expired() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let issued = bench.issue("demo", json!({ "expires_at": EXPIRY })).await;
    let question = json!({ "key": issued.text("license_key") });
    bench.clock.advance(DAY - 1);
    assert_eq!(validate(&bench, &question).await["ok"], true);
    bench.clock.advance(1);
    assert_eq!(reason(&bench, &question).await, "expired");
}

#[tokio::test]
async fn a_license_lasts_from_its_issue() {
    let bench = Bench::new();
    bench.product("demo", 0).await;
    bench
        .policy("demo", "year", json!({ "duration_seconds": 365 * DAY }))
        .await;
    bench.clock.advance(DAY);
    let order = json!({ "product": "demo", "policy_slug": "year" });
    let key = bench.post("/v1/purchase", &order).await.text("license_key");
    let expires = i64::try_from(NOW + 366 * DAY).expect("a time");
    assert_eq!(bench.verified(&key).payload().expires_at(), Some(expires));
    bench.clock.advance(365 * DAY - 1);
    assert_eq!(validate(&bench, &json!({ "key": key })).await["ok"], true);
    bench.clock.advance(1);
    assert_eq!(reason(&bench, &json!({ "key": key })).await, "expired");
}

/// One key to which every reason applies; each is lifted in the order in which
/// they are looked at.
#[tokio::test]
async fn reasons_come_in_the_order_of_the_contract() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let issued = bench.issue("demo", json!({ "expires_at": EXPIRY })).await;
    let license_id = issued.text("license_id");
    let bound = bound_key(&issued.text("product_id"), &license_id);
    let mut question = json!({ "key": "x", "product_slug": "other", "fingerprint": "elsewhere" });
    bench.clock.advance(2 * DAY);
    bench.sql("UPDATE licenses SET status = 'revoked'").await;
    assert_eq!(reason(&bench, &question).await, "bad_format");
    let mut changed = bound.clone().into_bytes();
    let last_of_payload = bound.rfind('-').expect("a dash") + 1;
    changed[last_of_payload] = if changed[last_of_payload] == b'A' {
        b'B'
    } else {
        b'A'
    };
    question["key"] = String::from_utf8(changed).expect("text").into();
    assert_eq!(reason(&bench, &question).await, "bad_signature");
    question["key"] = bound_key(&issued.text("product_id"), &Uuid::from_u128(1).to_string()).into();
    assert_eq!(reason(&bench, &question).await, "not_found");
    question["key"] = bound.into();
    assert_eq!(reason(&bench, &question).await, "revoked");
    bench.sql("UPDATE licenses SET status = 'suspended'").await;
    assert_eq!(reason(&bench, &question).await, "suspended");
    bench.sql("UPDATE licenses SET status = 'active'").await;
    assert_eq!(reason(&bench, &question).await, "product_mismatch");
    question["product_slug"] = "demo".into();
    assert_eq!(reason(&bench, &question).await, "expired");
    bench.sql("UPDATE licenses SET expires_at = NULL").await;
    assert_eq!(reason(&bench, &question).await, "fingerprint_mismatch");
    question["fingerprint"] = "machine".into();
    let answer = validate(&bench, &question).await;
    assert_eq!(answer["ok"], true, "{answer}");
    assert!(!members(&answer).contains(&"reason"), "{answer}");
    // What the key says of its expiry does not count: the record does.
    assert!(!members(&answer).contains(&"expires_at"), "{answer}");
}

/// A key bound to the fingerprint `machine`, signed as the sign function would.
fn bound_key(product_id: &str, license_id: &str) -> String {
    let key = SigningKey::from_seed_base64(SIGNING_KEY).expect("a seed");
    let license = NewLicense {
        product_id: product_id.parse().expect("an id"),
        license_id: license_id.parse().expect("an id"),
        issued_at: i64::try_from(NOW).expect("a time"),
        expires_at: i64::try_from(NOW + 1).ok(),
        trial: false,
        fingerprint_hash: Some(hash_fingerprint("machine")),
        entitlements: Vec::new(),
    };
    key.sign_license(&license).expect("a key")
}

#[tokio::test]
async fn a_product_is_asked_for_only_when_it_is_named() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    bench.product("other", 1).await;
    let key = bench.issue("demo", json!({})).await.text("license_key");
    for slug in ["demo", ""] {
        let question = json!({ "key": key, "product_slug": slug });
        assert_eq!(validate(&bench, &question).await["ok"], true, "{slug:?}");
    }
    let question = json!({ "key": key, "product_slug": null });
    assert_eq!(validate(&bench, &question).await["ok"], true);
    for slug in ["other", "unknown", "DEMO", " demo", "demo/"] {
        let question = json!({ "key": key, "product_slug": slug });
        let answer = validate(&bench, &question).await;
        assert_eq!(
            answer,
            json!({ "ok": false, "reason": "product_mismatch" }),
            "{slug:?}"
        );
    }
}

#[tokio::test]
async fn a_revoked_license_stays_revoked() {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let issued = bench.issue("demo", json!({})).await;
    let question = json!({ "key": issued.text("license_key"), "product_slug": "other" });
    let path = format!("/v1/admin/licenses/{}/revoke", issued.text("license_id"));
    assert_eq!(
        bench
            .operate("POST", &path, &json!({ "reason": "refund" }))
            .await
            .status,
        200
    );
    for _ in 0..2 {
        let answer = validate(&bench, &question).await;
        assert_eq!(answer, json!({ "ok": false, "reason": "revoked" }));
        bench.clock.advance(1_000 * DAY);
    }
}

#[tokio::test]
async fn the_public_keys_are_served_in_every_form() {
    let bench = Bench::new();
    let pem = bench.get("/v1/pubkey").await.json();
    assert_eq!(pem["algorithm"], "ed25519");
    let text = pem["public_key_pem"].as_str().expect("a PEM");
    let keys: keywright_license::VerifyKeys = text.parse().expect("a key");
    assert_eq!(keys.first().to_hex(), crate::bench::public_key());
    let issuer = bench.get("/v1/issuer/public-key").await.json();
    assert_eq!(issuer["public_key_pem"], pem["public_key_pem"]);
    assert_eq!(
        (&issuer["key_algorithm"], &issuer["key_format_version"]),
        (&json!("ed25519"), &json!(2))
    );
    let about = bench.get("/").await.json();
    assert_eq!(about["public_key_pem"], pem["public_key_pem"]);
    assert_eq!(
        (&about["service"], &about["operator"]),
        (&json!("keywright"), &json!("Test Operator"))
    );
    let jwk = &bench.get("/.well-known/jwks.json").await.json()["keys"][0];
    assert_eq!(
        (&jwk["kty"], &jwk["crv"]),
        (&json!("OKP"), &json!("Ed25519"))
    );
    assert_eq!(jwk["kid"], keys.first().key_id());
    let nameless = Bench::with(&[(keywright_ports::name::OPERATOR_NAME, "")]);
    assert!(nameless.get("/").await.json()["operator"].is_null());
}
