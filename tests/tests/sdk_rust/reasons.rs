//! Every reason for which the SDK is told that a key is not good.

use crate::{cases, client, licensed, verifier};
use http::Method;
use keysat_licensing_client::{Error, ValidateResponse};
use keywright_license::SigningKey;
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor;
use serde_json::json;

cases![
    bad_format,
    bad_signature,
    not_found,
    revoked,
    replaced,
    suspended,
    product_mismatch,
    expired,
    fingerprint_mismatch,
    too_many_machines,
    rate_limited,
];

async fn refused(instance: &Instance, key: &str, machine: Option<&str>) -> ValidateResponse {
    let answer = client(instance).validate(key, None, machine).await;
    let answer = answer.expect("an answer");
    assert!(!answer.ok, "{answer:?}");
    assert_eq!(answer.status, None);
    assert!(answer.entitlements.is_empty());
    answer
}

async fn bad_format(instance: &Instance) {
    let sold = licensed(instance, "r-format", json!({})).await;
    let cut = &sold.key[..sold.key.len() - 1];
    for key in ["", "notakey", "LIC1", "LIC1-AAAA", "LIC9-AAAA-BBBB", cut] {
        let answer = refused(instance, key, None).await;
        assert_eq!(answer.reason.as_deref(), Some("bad_format"), "{key:?}");
    }
}

/// Online and offline agree about a forged key.
async fn bad_signature(instance: &Instance) {
    let sold = licensed(instance, "r-forged", json!({})).await;
    let other = SigningKey::from_bytes(&[7; 32]).expect("a seed");
    let forged = sold.reissued(&other, |_| ());
    let answer = refused(instance, &forged, None).await;
    assert_eq!(answer.reason.as_deref(), Some("bad_signature"));
    let offline = verifier(&client(instance)).await.verify(&forged);
    assert!(matches!(offline, Err(Error::BadSignature)), "{offline:?}");
}

async fn not_found(instance: &Instance) {
    let sold = licensed(instance, "r-nobody", json!({})).await;
    let key = sold.reissued(&instance.signing_key, |license| {
        license.license_id = uuid::Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001);
    });
    let answer = refused(instance, &key, Some("m")).await;
    assert_eq!(answer.reason.as_deref(), Some("not_found"));
}

async fn revoked(instance: &Instance) {
    let sold = licensed(instance, "r-revoked", json!({})).await;
    floor::revoke(instance, &sold.license_id).await.ok();
    let answer = refused(instance, &sold.key, Some("m")).await;
    assert_eq!(answer.reason.as_deref(), Some("revoked"));
    // Only the server knows.
    let offline = verifier(&client(instance)).await.verify(&sold.key);
    assert!(offline.is_ok(), "{offline:?}");
}

/// The SDK needs no change for a key that was replaced.
async fn replaced(instance: &Instance) {
    let sold = licensed(instance, "r-replaced", json!({})).await;
    let path = format!("licenses/{}/replace-key", sold.license_id);
    let replaced = instance.api.admin(Method::POST, &path, &json!({})).await;
    let new = floor::text(&replaced.ok(), "license_key");
    let answer = refused(instance, &sold.key, Some("m")).await;
    assert_eq!(answer.reason.as_deref(), Some("revoked"));
    let answer = client(instance).validate(&new, None, Some("m")).await;
    assert!(answer.expect("an answer").ok);
    let offline = verifier(&client(instance)).await.verify(&new);
    assert!(offline.is_ok(), "{offline:?}");
}

async fn suspended(instance: &Instance) {
    let sold = licensed(instance, "r-suspended", json!({})).await;
    floor::standing(instance, &sold.license_id, "suspend").await;
    let answer = refused(instance, &sold.key, Some("m")).await;
    assert_eq!(answer.reason.as_deref(), Some("suspended"));
    floor::standing(instance, &sold.license_id, "unsuspend").await;
    let answer = client(instance).validate(&sold.key, None, Some("m")).await;
    assert!(answer.expect("an answer").ok);
}

async fn product_mismatch(instance: &Instance) {
    let sold = licensed(instance, "r-mine", json!({})).await;
    floor::product(instance, "r-yours", 1).await;
    for slug in ["r-yours", "r-nobodys"] {
        let answer = client(instance).validate(&sold.key, Some(slug), None).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.reason.as_deref(), Some("product_mismatch"), "{slug}");
    }
}

async fn expired(instance: &Instance) {
    let past = json!({ "expires_at": "2020-01-01T00:00:00Z" });
    let sold = licensed(instance, "r-expired", past).await;
    let answer = refused(instance, &sold.key, Some("m")).await;
    assert_eq!(answer.reason.as_deref(), Some("expired"));
    assert_eq!(answer.expires_at.as_deref(), Some("2020-01-01T00:00:00Z"));
    assert_eq!(answer.license_id, Some(sold.license_id));
    assert_eq!(answer.product_id, Some(sold.product_id));
    let verifier = verifier(&client(instance)).await;
    let offline = verifier.verify_with_time(&sold.key, floor::now());
    assert!(matches!(offline, Err(Error::Expired)), "{offline:?}");
}

/// The only seat is another machine's, or the key itself is.
async fn fingerprint_mismatch(instance: &Instance) {
    let sold = licensed(instance, "r-bound", json!({ "max_machines": 5 })).await;
    let bound = sold.bound_to(&instance.signing_key, "mine");
    let answer = refused(instance, &bound, Some("yours")).await;
    assert_eq!(answer.reason.as_deref(), Some("fingerprint_mismatch"));
    let good = client(instance).validate(&bound, None, Some("mine")).await;
    assert!(good.expect("an answer").ok);
    let single = licensed(instance, "r-single", json!({})).await;
    let first = client(instance)
        .validate(&single.key, None, Some("mine"))
        .await;
    assert!(first.expect("an answer").ok);
    let answer = refused(instance, &single.key, Some("yours")).await;
    assert_eq!(answer.reason.as_deref(), Some("fingerprint_mismatch"));
}

async fn too_many_machines(instance: &Instance) {
    let sold = licensed(instance, "r-full", json!({ "max_machines": 2 })).await;
    for machine in ["a", "b"] {
        let seat = client(instance)
            .validate(&sold.key, None, Some(machine))
            .await;
        assert!(seat.expect("an answer").ok);
    }
    let answer = refused(instance, &sold.key, Some("c")).await;
    assert_eq!(answer.reason.as_deref(), Some("too_many_machines"));
    assert_eq!(answer.max_machines, Some(2));
}

/// Status 200 here as well, so that the SDK reads the reason.
async fn rate_limited(instance: &Instance) {
    let sold = licensed(instance, "r-hurried", json!({})).await;
    let client = client(instance);
    let ask = || client.validate(&sold.key, None, None);
    // The burst is 60. Instances count for themselves up to a quarter of it, and
    // Spin has one for each request that runs at once.
    for _ in 0..80 {
        let answers = futures_util::future::join_all((0..5).map(|_| ask())).await;
        for answer in answers {
            let answer = answer.expect("an answer");
            match answer.reason.as_deref() {
                None => assert!(answer.ok),
                Some("rate_limited") => return assert!(!answer.ok),
                Some(other) => panic!("{other}"),
            }
        }
    }
    panic!("400 within seconds are more than the burst");
}
