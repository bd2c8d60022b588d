//! A key that is good: what the SDK is told about it, as it stands now.

use crate::{cases, client, licensed, verifier};
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor;
use serde_json::json;
use std::time::Duration;

cases![every_member, grace, trial, after_the_operators_change];

async fn every_member(instance: &Instance) {
    let members = json!({ "entitlements": ["pro", "sync"], "max_machines": 3,
                          "expires_at": "2100-01-01T00:00:00Z" });
    let sold = licensed(instance, "r-good", members).await;
    let answer = client(instance)
        .validate(&sold.key, Some("r-good"), Some("m"))
        .await
        .expect("an answer");
    assert!(answer.ok);
    assert_eq!(answer.reason, None);
    assert_eq!(answer.license_id.as_ref(), Some(&sold.license_id));
    assert_eq!(answer.product_id.as_ref(), Some(&sold.product_id));
    assert_eq!(answer.product_slug.as_deref(), Some("r-good"));
    assert_eq!(answer.expires_at.as_deref(), Some("2100-01-01T00:00:00Z"));
    assert!(answer.issued_at.is_some());
    assert_eq!(answer.status.as_deref(), Some("active"));
    assert_eq!(answer.max_machines, Some(3));
    assert!(answer.machine_id.is_some());
    assert_eq!(answer.entitlements, ["pro", "sync"]);
    assert!(answer.has_entitlement("sync") && !answer.has_entitlement("Sync"));
    // What does not apply is absent.
    assert_eq!(answer.grace_until, None);
    assert_eq!(answer.in_grace_period, None);
    assert_eq!(answer.is_trial, None);
}

async fn grace(instance: &Instance) {
    floor::product(instance, "r-grace", 10).await;
    let terms = json!({ "duration_seconds": 1, "grace_seconds": 1_000_000 });
    floor::policy(instance, "r-grace", "short", terms).await;
    let issued = floor::issue(instance, "r-grace", json!({ "policy_slug": "short" })).await;
    let key = floor::text(&issued, "license_key");
    // Expired from the second of `expires_at` on.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let client = client(instance);
    let answer = client.validate(&key, Some("r-grace"), None).await;
    let answer = answer.expect("an answer");
    assert!(answer.ok, "{answer:?}");
    assert_eq!(answer.in_grace_period, Some(true));
    assert!(answer.grace_until > answer.expires_at, "{answer:?}");
    // Offline there is no grace: that is why an application asks.
    let offline = verifier(&client).await.verify_with_time(&key, floor::now());
    assert!(offline.is_err(), "{offline:?}");
}

async fn trial(instance: &Instance) {
    let members = json!({ "is_trial": true });
    let sold = licensed(instance, "r-trial", members).await;
    let client = client(instance);
    let answer = client.validate(&sold.key, None, None).await;
    assert_eq!(answer.expect("an answer").is_trial, Some(true));
    let offline = verifier(&client).await.verify(&sold.key);
    assert!(offline.expect("a good key").is_trial());
}

/// The answer is what is recorded now, not what the key says.
async fn after_the_operators_change(instance: &Instance) {
    let sold = licensed(instance, "r-changed", json!({ "entitlements": ["basic"] })).await;
    let change = json!({ "entitlements": ["basic", "pro"], "max_machines": 7,
                         "expires_at": "2099-12-31T00:00:00Z" });
    let path = format!("licenses/{}", sold.license_id);
    instance
        .api
        .admin(http::Method::PATCH, &path, &change)
        .await
        .ok();
    let client = client(instance);
    let answer = client.validate(&sold.key, None, None).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.entitlements, ["basic", "pro"]);
    assert_eq!(answer.max_machines, Some(7));
    assert_eq!(answer.expires_at.as_deref(), Some("2099-12-31T00:00:00Z"));
    let offline = verifier(&client).await.verify(&sold.key);
    let offline = offline.expect("a good key");
    assert!(!offline.has_entitlement("pro"), "the key is the old one");
    assert_eq!(offline.payload.expires_at, 0);
}
