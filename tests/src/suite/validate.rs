//! `POST /v1/validate`: every reason that needs no machines, in the documented
//! order, and all members of the answer. Machines are in `machines`.

use super::cases;
use super::floor::{issue, policy, product, revoke, text, validate};
use crate::hosts::Instance;
use keywright_license::{NewLicense, SigningKey, hash_fingerprint};
use serde_json::{Value, json};
use uuid::Uuid;

cases![
    every_member,
    bad_format,
    accepted_forms,
    bad_signature,
    not_found,
    revoked_before_mismatch,
    suspended alone,
    product_mismatch,
    expired,
    grace,
    trial,
    fingerprints,
    huge_key,
    changes_nothing,
];

/// Signs a key for whatever ids, with the instance's key or another.
pub(super) fn minted(
    key: &SigningKey,
    product_id: &str,
    license_id: &str,
    bound_to: Option<&str>,
) -> String {
    key.sign_license(&NewLicense {
        product_id: Uuid::parse_str(product_id).expect("an id"),
        license_id: Uuid::parse_str(license_id).expect("an id"),
        issued_at: 1_700_000_000,
        expires_at: None,
        trial: false,
        fingerprint_hash: bound_to.map(hash_fingerprint),
        entitlements: Vec::new(),
    })
    .expect("a key")
}

async fn reason(instance: &Instance, key: &str) -> Value {
    let body = instance
        .api
        .post("/v1/validate", &json!({ "key": key }))
        .await
        .ok();
    assert_eq!(body["ok"], false, "{key}: {body}");
    assert_eq!(
        body.as_object().map(serde_json::Map::len),
        Some(2),
        "ok and reason only: {body}"
    );
    body["reason"].clone()
}

async fn every_member(instance: &Instance) {
    let made = product(instance, "plain", 10).await;
    let issued = issue(instance, "plain", json!({})).await;
    let good = validate(instance, &text(&issued, "license_key"), "plain").await;
    // What does not apply is absent: the Rust SDK refuses null.
    let expected = json!({
        "ok": true, "license_id": issued["license_id"], "product_id": made["id"],
        "product_slug": "plain", "issued_at": issued["issued_at"], "status": "active",
        "max_machines": 1,
    });
    assert_eq!(good, expected);
}

async fn bad_format(instance: &Instance) {
    product(instance, "formats", 10).await;
    let key = text(&issue(instance, "formats", json!({})).await, "license_key");
    let (body, signature) = key["LIC1-".len()..].split_once('-').expect("two parts");
    let keys = [
        String::new(),
        "LIC1".to_owned(),
        "LIC1-AAAA".to_owned(),
        "notakey".to_owned(),
        "LIC9-AAAA-BBBB".to_owned(),
        key[..key.len() - 1].to_owned(),
        format!("{key}A"),
        format!("{key}-A"),
        format!("{key}="),
        format!("LIC1-{}-{signature}", &body[..body.len() - 8]),
        format!("LIC1-{body}-{body}"),
        format!("LIC1-{signature}-{signature}"),
        format!("LIC1-{}-{signature}", body.replacen('A', "1", 1)),
        format!("{key}\u{0}"),
        format!("LIC1-{body}-{}", "é".repeat(51)),
    ];
    for key in keys {
        assert_eq!(reason(instance, &key).await, "bad_format", "{key:?}");
    }
}

async fn accepted_forms(instance: &Instance) {
    product(instance, "forms", 10).await;
    let key = text(&issue(instance, "forms", json!({})).await, "license_key");
    for form in [
        format!("  {key}"),
        format!("{key}\r\n"),
        format!("\t{key} \n"),
        key.to_lowercase(),
        key.replace('-', " \u{2013} "),
        format!("License key: {}\r\n{}", &key[..76], &key[76..]),
        format!(
            "\u{feff}\u{201c}{}\u{200b}{}\u{201d}",
            &key[..40],
            &key[40..]
        ),
    ] {
        let body = validate(instance, &form, "forms").await;
        assert_eq!(body["ok"], true, "{form:?}: {body}");
    }
}

async fn bad_signature(instance: &Instance) {
    let made = product(instance, "forged", 10).await;
    let issued = issue(instance, "forged", json!({})).await;
    let (product_id, license_id) = (text(&made, "id"), text(&issued, "license_id"));
    let other = SigningKey::from_bytes(&[7; 32]).expect("a seed");
    let forged = minted(&other, &product_id, &license_id, None);
    assert_eq!(reason(instance, &forged).await, "bad_signature");
    // The signature of one key under the payload of another.
    let unbound = minted(&instance.signing_key, &product_id, &license_id, None);
    let bound = minted(&instance.signing_key, &product_id, &license_id, Some("x"));
    let (payload, _) = unbound.rsplit_once('-').expect("two parts");
    let (_, signature) = bound.rsplit_once('-').expect("two parts");
    assert_eq!(
        reason(instance, &format!("{payload}-{signature}")).await,
        "bad_signature"
    );
}

async fn not_found(instance: &Instance) {
    let made = product(instance, "unrecorded", 10).await;
    let nobody = "01990000-0000-7000-8000-000000000000";
    let key = minted(&instance.signing_key, &text(&made, "id"), nobody, None);
    assert_eq!(reason(instance, &key).await, "not_found");
}

async fn revoked_before_mismatch(instance: &Instance) {
    product(instance, "revoked", 10).await;
    let past = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    let issued = issue(instance, "revoked", past).await;
    revoke(instance, &text(&issued, "license_id")).await.ok();
    // Also of another product and expired: the first reason is the answer.
    let body = validate(instance, &text(&issued, "license_key"), "another").await;
    assert_eq!(body, json!({ "ok": false, "reason": "revoked" }));
}

async fn suspended(instance: &Instance) {
    product(instance, "suspended", 10).await;
    let issued = issue(instance, "suspended", json!({})).await;
    let sql = "UPDATE licenses SET status = 'suspended' WHERE id = ?1";
    instance
        .database
        .change(sql, &[&text(&issued, "license_id")])
        .await;
    assert_eq!(
        reason(instance, &text(&issued, "license_key")).await,
        "suspended"
    );
}

async fn product_mismatch(instance: &Instance) {
    product(instance, "mine", 10).await;
    product(instance, "yours", 10).await;
    let past = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    let key = text(&issue(instance, "mine", past).await, "license_key");
    let body = validate(instance, &key, "yours").await;
    assert_eq!(body, json!({ "ok": false, "reason": "product_mismatch" }));
    // An empty slug counts as none.
    let body = validate(instance, &key, "").await;
    assert_eq!(body["reason"], "expired");
}

async fn expired(instance: &Instance) {
    let made = product(instance, "expired", 10).await;
    let issued = issue(
        instance,
        "expired",
        json!({ "expires_at": "2020-01-01T00:00:00Z" }),
    )
    .await;
    let body = validate(instance, &text(&issued, "license_key"), "expired").await;
    let expected = json!({
        "ok": false, "reason": "expired", "license_id": issued["license_id"],
        "product_id": made["id"], "expires_at": issued["expires_at"],
    });
    assert_eq!(body, expected);
}

async fn grace(instance: &Instance) {
    product(instance, "grace", 10).await;
    let terms = json!({ "duration_seconds": 1, "grace_seconds": 1_000_000 });
    policy(instance, "grace", "short", terms).await;
    let issued = issue(instance, "grace", json!({ "policy_slug": "short" })).await;
    // Expired from the second of `expires_at` on.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let body = validate(instance, &text(&issued, "license_key"), "grace").await;
    assert_eq!(body["ok"], true, "{body}");
    assert_eq!(body["in_grace_period"], true, "{body}");
    assert_eq!(body["expires_at"], issued["expires_at"]);
    assert!(
        text(&body, "grace_until") > text(&body, "expires_at"),
        "{body}"
    );
}

async fn trial(instance: &Instance) {
    product(instance, "trial", 10).await;
    let members = json!({ "is_trial": true, "entitlements": ["a", "b"], "max_machines": 0 });
    let issued = issue(instance, "trial", members).await;
    let body = validate(instance, &text(&issued, "license_key"), "trial").await;
    assert_eq!(body["is_trial"], true, "{body}");
    assert_eq!(body["entitlements"], json!(["a", "b"]));
    assert_eq!(body["max_machines"], 0);
}

async fn fingerprints(instance: &Instance) {
    let made = product(instance, "bound", 10).await;
    let issued = issue(instance, "bound", json!({ "max_machines": 0 })).await;
    let (product_id, license_id) = (text(&made, "id"), text(&issued, "license_id"));
    let bound = minted(
        &instance.signing_key,
        &product_id,
        &license_id,
        Some("this machine"),
    );
    for (key, fingerprint, ok) in [
        (text(&issued, "license_key"), "any machine", true),
        (bound.clone(), "this machine", true),
        (bound.clone(), "another machine", false),
        (bound, "", true),
    ] {
        let asked = json!({ "key": key, "fingerprint": fingerprint, "hostname": "h",
                            "platform": "linux-x86_64" });
        let body = instance.api.post("/v1/validate", &asked).await.ok();
        assert_eq!(body["ok"], ok, "{fingerprint}: {body}");
        if !ok {
            assert_eq!(body["reason"], "fingerprint_mismatch");
        }
    }
}

async fn huge_key(instance: &Instance) {
    for filling in ["A", "-", " ", "é"] {
        let key = format!("LIC1-{}", filling.repeat(1_000_000 / filling.len()));
        assert_eq!(reason(instance, &key).await, "bad_format");
    }
}

/// Asking whether a key is good changes nothing about its license.
async fn changes_nothing(instance: &Instance) {
    product(instance, "unmoved", 10).await;
    let issued = issue(instance, "unmoved", json!({})).await;
    let license_id = text(&issued, "license_id");
    let sql = "SELECT * FROM licenses WHERE id = ?1";
    let before = instance.database.rows(sql, &[&license_id]).await;
    let asked = json!({ "key": issued["license_key"], "fingerprint": "m", "hostname": "h" });
    for _ in 0..3 {
        instance.api.post("/v1/validate", &asked).await.ok();
    }
    assert_eq!(instance.database.rows(sql, &[&license_id]).await, before);
}
