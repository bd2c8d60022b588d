//! Without the server: signature, time and fingerprint.

use crate::{cases, client, licensed, verifier};
use keysat_licensing_client::{Error, PublicKeyPem, Verifier};
use keywright_license::SigningKey;
use keywright_tests::hosts::Instance;
use keywright_tests::suite::floor;
use serde_json::json;

cases![
    issued_key,
    the_second_of_expiry,
    no_end,
    bound_to_a_machine,
    changed_keys,
    another_vendor,
    as_many_entitlements_as_fit,
];

async fn issued_key(instance: &Instance) {
    let members = json!({ "entitlements": ["pro"], "is_trial": true });
    let sold = licensed(instance, "r-offline", members).await;
    let verified = verifier(&client(instance)).await.verify(&sold.key);
    let verified = verified.expect("a good key");
    assert_eq!(verified.license_id, sold.license_id);
    assert_eq!(verified.product_id, sold.product_id);
    assert!(verified.is_trial() && verified.has_entitlement("pro"));
    assert_eq!(verified.payload.version, 2);
    assert!(!verified.payload.is_fingerprint_bound());
    assert!((0..60).contains(&(floor::now() - verified.payload.issued_at)));
}

async fn the_second_of_expiry(instance: &Instance) {
    let until = json!({ "expires_at": "2030-01-01T00:00:00Z" });
    let sold = licensed(instance, "r-second", until).await;
    let verifier = verifier(&client(instance)).await;
    let end = 1_893_456_000;
    let before = verifier.verify_with_time(&sold.key, end - 1);
    assert_eq!(before.expect("a good key").payload.expires_at, end);
    for now in [end, end + 1, end + 100 * 365 * 86_400] {
        let after = verifier.verify_with_time(&sold.key, now);
        assert!(matches!(after, Err(Error::Expired)), "{now}: {after:?}");
    }
    // Signed is signed: without a clock it is good.
    assert!(
        verifier
            .verify(&sold.key)
            .expect("a good key")
            .is_expired_at(end)
    );
}

async fn no_end(instance: &Instance) {
    let sold = licensed(instance, "r-perpetual", json!({})).await;
    let verifier = verifier(&client(instance)).await;
    let verified = verifier.verify_with_time(&sold.key, 4_000_000_000);
    assert_eq!(verified.expect("a good key").payload.expires_at, 0);
    // Not bound: any machine will do.
    let anywhere = verifier.verify_with_fingerprint(&sold.key, "any machine");
    assert!(anywhere.is_ok(), "{anywhere:?}");
}

async fn bound_to_a_machine(instance: &Instance) {
    let sold = licensed(instance, "r-offline-bound", json!({})).await;
    let bound = sold.bound_to(&instance.signing_key, "mine");
    let verifier = verifier(&client(instance)).await;
    let mine = verifier.verify_with_fingerprint(&bound, "mine");
    assert!(mine.expect("a good key").payload.is_fingerprint_bound());
    for fingerprint in ["yours", "", "Mine", "mine "] {
        let yours = verifier.verify_with_fingerprint(&bound, fingerprint);
        assert!(matches!(yours, Err(Error::BadSignature)), "{fingerprint:?}");
    }
}

async fn changed_keys(instance: &Instance) {
    let sold = licensed(instance, "r-tampered", json!({ "entitlements": ["basic"] })).await;
    let verifier = verifier(&client(instance)).await;
    let start = "LIC1-".len();
    let characters = start..sold.key.len();
    for at in characters.step_by(7) {
        let mut changed = sold.key.clone().into_bytes();
        if changed[at] == b'-' {
            continue;
        }
        changed[at] = if changed[at] == b'B' { b'C' } else { b'B' };
        let changed = String::from_utf8(changed).expect("ASCII");
        assert!(verifier.verify(&changed).is_err(), "{at}: {changed}");
    }
    let padded = format!("  {}\r\n", sold.key);
    assert!(verifier.verify(&padded).is_ok(), "as it is pasted");
}

async fn another_vendor(instance: &Instance) {
    let sold = licensed(instance, "r-vendor", json!({})).await;
    let other = SigningKey::from_bytes(&[7; 32]).expect("a seed");
    let pem = PublicKeyPem::from_bytes(other.public_key().as_bytes()).expect("a public key");
    let verified = Verifier::new(pem).verify(&sold.key);
    assert!(matches!(verified, Err(Error::BadSignature)), "{verified:?}");
}

async fn as_many_entitlements_as_fit(instance: &Instance) {
    let many: Vec<String> = (0..255)
        .map(|number| format!("feature-{number:03}"))
        .collect();
    let long = vec!["x".repeat(255), "~!@#$%^&*()_+".to_owned()];
    for (slug, entitlements) in [("r-many", many), ("r-long", long)] {
        let sold = licensed(instance, slug, json!({ "entitlements": entitlements })).await;
        let client = client(instance);
        let offline = verifier(&client).await.verify(&sold.key);
        assert_eq!(
            offline.expect("a good key").payload.entitlements,
            entitlements
        );
        let online = client.validate(&sold.key, Some(slug), None).await;
        assert_eq!(online.expect("an answer").entitlements, entitlements);
    }
}
