//! The three public LIC1 vectors.

use keywright_license::{LicenseError, LicenseKey, LicensePayload, PayloadVersion, verify_license};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{LICENSES, hex, lic1, license, license_keys, signing_key, text, verify_keys};

fn assert_says(payload: &LicensePayload, expected: &Value) {
    let version = match payload.version() {
        PayloadVersion::V1 => 1,
        PayloadVersion::V2 => 2,
        other => panic!("{other:?}"),
    };
    assert_eq!(version, expected["version"].as_u64().unwrap());
    assert_eq!(
        payload.product_id().to_string(),
        text(expected, "productUuid")
    );
    assert_eq!(
        payload.license_id().to_string(),
        text(expected, "licenseUuid")
    );
    assert_eq!(payload.issued_at(), expected["issuedAt"].as_i64().unwrap());
    let expires_at = expected["expiresAt"].as_i64().filter(|at| *at != 0);
    assert_eq!(payload.expires_at(), expires_at);
    assert_eq!(
        u64::from(payload.flags()),
        expected["flags"].as_u64().unwrap()
    );
    assert_eq!(
        payload.is_fingerprint_bound(),
        expected["isFingerprintBound"].as_bool().unwrap()
    );
    assert_eq!(payload.is_trial(), expected["isTrial"].as_bool().unwrap());
    let entitlements: Vec<_> = expected["entitlements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect();
    assert_eq!(payload.entitlements(), entitlements);
    assert_eq!(
        payload.fingerprint_hash().to_vec(),
        hex(expected, "fingerprintHashHex")
    );
}

#[test]
fn the_vectors_verify_and_say_what_is_expected() {
    let vectors = lic1();
    let keys = license_keys();
    for name in LICENSES {
        let vector = &vectors[name];
        let verified = verify_license(text(vector, "licenseKey"), &keys).unwrap();
        assert_says(verified.payload(), &vector["expected"]);
        assert_eq!(verified.signed_by(), keys.first());
    }
}

#[test]
fn decoding_gives_the_published_bytes_and_encoding_the_published_text() {
    let vectors = lic1();
    for name in LICENSES {
        let vector = &vectors[name];
        let key = LicenseKey::parse(text(vector, "licenseKey")).unwrap();
        let payload = hex(vector, "payloadHex");
        assert_eq!(key.unverified_payload().to_bytes(), payload);
        assert_eq!(
            LicensePayload::from_bytes(&payload).as_ref(),
            Ok(key.unverified_payload())
        );
        assert_eq!(key.signature().to_vec(), hex(vector, "signatureHex"));
        assert_eq!(key.to_string(), text(vector, "licenseKey"));
    }
}

#[test]
fn other_texts_of_the_same_key_are_accepted() {
    let keys = license_keys();
    for name in LICENSES {
        let canonical = license(name);
        let lower = format!("LIC1{}", canonical["LIC1".len()..].to_lowercase());
        let mixed: String = canonical
            .chars()
            .enumerate()
            .map(|(index, c)| {
                if index > 4 && index % 3 == 0 {
                    c.to_ascii_lowercase()
                } else {
                    c
                }
            })
            .collect();
        let spaced = format!(" \t\r\n{canonical}\r\n\u{a0}");
        for text in [lower, mixed, spaced] {
            assert_ne!(text, canonical);
            let key = LicenseKey::parse(&text).unwrap();
            assert_eq!(key.to_string(), canonical);
            assert!(key.verify(&keys).is_ok());
        }
    }
}

#[test]
fn expiry_begins_with_its_second() {
    let keys = license_keys();
    let license_v2 = verify_license(&license("v2"), &keys).unwrap();
    assert_eq!(license_v2.check_expiry(1_899_999_999), Ok(()));
    let expired = Err(LicenseError::Expired {
        expires_at: 1_900_000_000,
    });
    assert_eq!(license_v2.check_expiry(1_900_000_000), expired);
    assert_eq!(license_v2.check_expiry(i64::MAX), expired);
    assert!(!license_v2.payload().is_expired_at(1_899_999_999));
    assert!(license_v2.payload().is_expired_at(1_900_000_000));
    for perpetual in ["v1", "v2_perpetual_unbound"] {
        let license = verify_license(&license(perpetual), &keys).unwrap();
        assert_eq!(license.check_expiry(i64::MAX), Ok(()));
        assert!(!license.payload().is_expired_at(i64::MAX));
    }
}

#[test]
fn a_bound_key_works_on_its_machine_only() {
    let keys = license_keys();
    for bound in ["v1", "v2"] {
        let license = verify_license(&license(bound), &keys).unwrap();
        assert_eq!(
            license.check_fingerprint("test-machine-fingerprint"),
            Ok(())
        );
        for other in ["", "test-machine-fingerprint ", "Test-machine-fingerprint"] {
            assert_eq!(
                license.check_fingerprint(other),
                Err(LicenseError::FingerprintMismatch)
            );
        }
    }
    let unbound = verify_license(&license("v2_perpetual_unbound"), &keys).unwrap();
    assert_eq!(unbound.check_fingerprint("any machine"), Ok(()));
}

#[test]
fn entitlements_are_compared_exactly() {
    let verified = verify_license(&license("v2"), &license_keys()).unwrap();
    assert!(verified.payload().has_entitlement("pro"));
    assert!(verified.payload().has_entitlement("multi-device"));
    for other in ["", "Pro", "pro ", "multi", "multi-device-2"] {
        assert!(!verified.payload().has_entitlement(other), "{other:?}");
    }
}

#[test]
fn another_vendors_key_is_a_bad_signature() {
    for name in LICENSES {
        let error = verify_license(&license(name), &verify_keys()).unwrap_err();
        assert_eq!(error, LicenseError::BadSignature);
        assert_eq!(error.code(), "bad_signature");
    }
}

#[test]
fn any_of_several_keys_will_do() {
    let old = *license_keys().first();
    let new = signing_key().public_key();
    for order in [[new, old], [old, new]] {
        let keys = keywright_license::VerifyKeys::new(order).unwrap();
        let verified = verify_license(&license("v2"), &keys).unwrap();
        assert_eq!(verified.signed_by(), &old);
    }
}

#[test]
fn fingerprints_are_hashed_as_published() {
    let vectors = lic1();
    let expected = &vectors["v2"]["expected"];
    let hash = keywright_license::hash_fingerprint(text(expected, "fingerprintRaw"));
    assert_eq!(hash.to_vec(), hex(expected, "fingerprintHashHex"));
    let hello = keywright_license::hash_fingerprint("hello");
    assert_eq!(
        data_encoding::HEXLOWER.encode(&hello),
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
}

#[test]
fn logs_do_not_show_the_signature() {
    let text = license("v2");
    let shown = format!("{:?}", LicenseKey::parse(&text).unwrap());
    assert!(
        shown.contains("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
        "{shown}"
    );
    let (_, signature) = crate::vectors::decode_key(&text);
    assert!(
        !shown.contains(&format!("{}, {}", signature[0], signature[1])),
        "{shown}"
    );
    assert!(!shown.contains("signature"), "{shown}");
}
