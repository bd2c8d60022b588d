//! An instance whose signing key was changed: keys of the old one stay good,
//! new ones come from the new one, and a key that is not listed any longer
//! opens nothing.

use super::cases;
use super::floor::{buy, issue, poll, product, text, validate};
use super::validate::minted;
use crate::hosts::Instance;
use crate::shop;
use keywright_license::{PublicKey, SigningKey, VerifyKeys, verify_license};
use serde_json::json;

cases![
    old_keys_stay_good,
    new_keys_come_from_the_new_one,
    both_are_published,
    a_key_that_was_removed,
];

fn old_key() -> SigningKey {
    SigningKey::from_seed_base64(shop::SIGNING_KEY).expect("a seed")
}

fn signed_by(key: &str, public_key: PublicKey) -> bool {
    let keys = VerifyKeys::new([public_key]).expect("a key");
    verify_license(key, &keys).is_ok()
}

async fn old_keys_stay_good(instance: &Instance) {
    let made = product(instance, "old-keys", 10).await;
    let issued = issue(instance, "old-keys", json!({})).await;
    let (product_id, license_id) = (text(&made, "id"), text(&issued, "license_id"));
    let old = minted(&old_key(), &product_id, &license_id, None);
    let answer = validate(instance, &old, "old-keys").await;
    assert_eq!(answer["ok"], true, "{answer}");
    let seat = json!({ "key": old, "fingerprint": "m" });
    let all = json!({ "key": old });
    for (verb, body) in [
        ("activate", &seat),
        ("heartbeat", &seat),
        ("list", &all),
        ("deactivate", &seat),
    ] {
        let path = format!("/v1/machines/{verb}");
        let answer = instance.api.post(&path, body).await.ok();
        assert_eq!(answer["ok"], true, "{verb}: {answer}");
    }
    // The same license under its new key: the same record.
    let new = text(&issued, "license_key");
    let answer = validate(instance, &new, "old-keys").await;
    assert_eq!(answer["license_id"], issued["license_id"]);
}

async fn new_keys_come_from_the_new_one(instance: &Instance) {
    product(instance, "new-keys", 0).await;
    let issued = text(&issue(instance, "new-keys", json!({})).await, "license_key");
    let bought = buy(instance, "new-keys").await;
    let polled = poll(instance, &text(&bought, "invoice_id")).await;
    for key in [
        issued,
        text(&bought, "license_key"),
        text(&polled, "license_key"),
    ] {
        assert!(signed_by(&key, instance.signing_key.public_key()), "{key}");
        assert!(!signed_by(&key, old_key().public_key()), "{key}");
        assert_eq!(validate(instance, &key, "new-keys").await["ok"], true);
    }
}

async fn both_are_published(instance: &Instance) {
    let keys = instance.api.get("/.well-known/jwks.json").await.ok();
    let ids: Vec<String> = keys["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| text(key, "kid"))
        .collect();
    let (new, old) = (instance.signing_key.public_key(), old_key().public_key());
    assert_eq!(ids, [new.key_id(), old.key_id()], "newest first");
    let shown = instance.api.get("/v1/pubkey").await.ok();
    assert_eq!(shown["public_key_pem"], new.to_pem());
}

async fn a_key_that_was_removed(instance: &Instance) {
    let made = product(instance, "removed-key", 10).await;
    let issued = issue(instance, "removed-key", json!({})).await;
    let (product_id, license_id) = (text(&made, "id"), text(&issued, "license_id"));
    let removed = SigningKey::from_bytes(&[0x3c; 32]).expect("a seed");
    let key = minted(&removed, &product_id, &license_id, None);
    let answer = validate(instance, &key, "removed-key").await;
    assert_eq!(answer, json!({ "ok": false, "reason": "bad_signature" }));
    let body = json!({ "key": key, "fingerprint": "m" });
    let answer = instance.api.post("/v1/machines/activate", &body).await;
    answer.is_error(400, "bad_request");
}
