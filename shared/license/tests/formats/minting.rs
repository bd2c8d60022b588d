//! Minting license keys, and what is refused.

use keywright_license::{
    LicenseKey, MAX_KEY_LEN, MintError, NewLicense, PayloadVersion, SeedError, SigningKey, Uuid,
    hash_fingerprint, verify_license,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{
    LICENSES, hex, lic1, license, license_keys, new_license, signing_key, verify_keys,
};

const TWO_POW_53: i64 = 9_007_199_254_740_992;

#[test]
fn a_minted_key_verifies_and_says_what_was_asked() {
    let machine = hash_fingerprint("a machine");
    for (expires_at, trial, fingerprint_hash, flags) in [
        (None, false, None, 0),
        (Some(1), false, Some(machine), 1),
        (Some(TWO_POW_53 - 1), true, None, 2),
        (None, true, Some(machine), 3),
    ] {
        let asked = NewLicense {
            expires_at,
            trial,
            fingerprint_hash,
            ..new_license()
        };
        let text = signing_key().sign_license(&asked).unwrap();
        let verified = verify_license(&text, &verify_keys()).unwrap();
        let says = verified.payload();
        assert_eq!(says.version(), PayloadVersion::V2);
        assert_eq!(says.flags(), flags);
        assert_eq!(
            (says.product_id(), says.license_id()),
            (asked.product_id, asked.license_id)
        );
        assert_eq!(
            (says.issued_at(), says.expires_at()),
            (asked.issued_at, expires_at)
        );
        assert_eq!(
            says.fingerprint_hash(),
            &fingerprint_hash.unwrap_or([0; 32])
        );
        assert_eq!(says.entitlements(), asked.entitlements);
        assert_eq!(LicenseKey::parse(&text).unwrap().to_string(), text);
        assert_eq!(signing_key().sign_license(&asked).unwrap(), text);
    }
}

#[test]
fn the_payload_of_the_public_vectors_is_reproduced() {
    // Their private key is not public, so the signatures differ.
    for name in LICENSES.into_iter().filter(|name| *name != "v1") {
        let original = verify_license(&license(name), &license_keys()).unwrap();
        let says = original.payload();
        let again = NewLicense {
            product_id: says.product_id(),
            license_id: says.license_id(),
            issued_at: says.issued_at(),
            expires_at: says.expires_at(),
            trial: says.is_trial(),
            fingerprint_hash: says
                .is_fingerprint_bound()
                .then_some(*says.fingerprint_hash()),
            entitlements: says.entitlements().to_vec(),
        };
        let minted = signing_key().sign_license(&again).unwrap();
        let minted = LicenseKey::parse(&minted).unwrap();
        assert_eq!(
            minted.unverified_payload().to_bytes(),
            hex(&lic1()[name], "payloadHex")
        );
    }
}

#[test]
fn an_ordinary_key_has_the_documented_length() {
    let plain = NewLicense {
        entitlements: vec![],
        ..new_license()
    };
    assert_eq!(signing_key().sign_license(&plain).unwrap().len(), 242);
    assert_eq!(license("v1").len(), 228);
}

#[test]
fn the_largest_key_is_read_back() {
    let largest = NewLicense {
        entitlements: vec!["x".repeat(255); 255],
        ..new_license()
    };
    let text = signing_key().sign_license(&largest).unwrap();
    assert_eq!(text.len(), MAX_KEY_LEN);
    let padded = format!("{}{text}{}", " ".repeat(512), "\n".repeat(512));
    for text in [text, padded] {
        let verified = verify_license(&text, &verify_keys()).unwrap();
        assert_eq!(verified.payload().entitlements(), largest.entitlements);
    }
}

#[test]
fn times_that_some_client_misreads_are_refused() {
    let key = signing_key();
    for issued_at in [-1, i64::MIN, TWO_POW_53, i64::MAX] {
        let error = key
            .sign_license(&NewLicense {
                issued_at,
                ..new_license()
            })
            .unwrap_err();
        assert_eq!(
            error,
            MintError::TimeOutOfRange {
                field: "issued_at",
                value: issued_at,
                least: 0
            }
        );
    }
    // 0 on the wire means "never", so as a time it is refused.
    for value in [0, -1, i64::MIN, TWO_POW_53, i64::MAX] {
        let error = key
            .sign_license(&NewLicense {
                expires_at: Some(value),
                ..new_license()
            })
            .unwrap_err();
        assert_eq!(
            error,
            MintError::TimeOutOfRange {
                field: "expires_at",
                value,
                least: 1
            }
        );
    }
    for issued_at in [0, TWO_POW_53 - 1] {
        assert!(
            key.sign_license(&NewLicense {
                issued_at,
                ..new_license()
            })
            .is_ok()
        );
    }
}

#[test]
fn entitlements_that_some_client_misreads_are_refused() {
    let key = signing_key();
    for bad in [
        String::new(),
        "é".to_owned(),
        "x".repeat(256),
        "pro\u{2011}plus".to_owned(),
    ] {
        let entitlements = vec!["pro".to_owned(), bad.clone()];
        let error = key
            .sign_license(&NewLicense {
                entitlements,
                ..new_license()
            })
            .unwrap_err();
        assert_eq!(error, MintError::BadEntitlement { position: 2 }, "{bad:?}");
    }
    let entitlements = vec!["pro".to_owned(); 256];
    let error = key
        .sign_license(&NewLicense {
            entitlements,
            ..new_license()
        })
        .unwrap_err();
    assert_eq!(error, MintError::TooManyEntitlements { count: 256 });
}

#[test]
fn seeds_are_read_strictly() {
    let seed = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    let expected = signing_key().public_key();
    for text in [seed, seed.trim_end_matches('='), &format!(" {seed}\r\n")] {
        assert_eq!(
            SigningKey::from_seed_base64(text).unwrap().public_key(),
            expected
        );
    }
    let zeros = "A".repeat(43);
    for (text, code) in [
        ("", "wrong_length"),
        ("\n", "wrong_length"),
        ("BwcH", "wrong_length"),
        (&seed.replace("Bwc=", "BwcHBw=="), "wrong_length"),
        (&seed.replace("Bwc=", "Bw=="), "wrong_length"),
        ("not base64!", "not_base64"),
        (&seed.replace("wc=", "wd="), "not_base64"),
        (&format!("{seed}="), "not_base64"),
        (&"07".repeat(32), "wrong_length"),
        (&seed.replace("BwcH", "Bw H"), "not_base64"),
        (&format!("-{}", &seed[1..]), "not_base64"),
        (zeros.as_str(), "all_zero"),
        (&format!("{zeros}="), "all_zero"),
    ] {
        let error = SigningKey::from_seed_base64(text).unwrap_err();
        assert_eq!(error.code(), code, "{text:?}");
        assert!(text.len() < 8 || !error.to_string().contains(text.trim()));
    }
    assert_eq!(
        SigningKey::from_bytes(&[0; 32]).unwrap_err(),
        SeedError::AllZero
    );
    assert_eq!(
        SigningKey::from_seed_base64("BwcH").unwrap_err(),
        SeedError::WrongLength { length: 3 }
    );
}

#[test]
fn logs_do_not_show_the_seed() {
    let shown = format!("{:?}", signing_key());
    assert!(shown.contains(&signing_key().public_key().to_hex()));
    assert!(
        !shown.contains("0707") && !shown.contains("7, 7"),
        "{shown}"
    );
}

#[test]
fn rotation_keeps_old_keys_good() {
    let old = signing_key();
    let new = SigningKey::from_bytes(&[8; 32]).unwrap();
    let keys = format!(
        "{},{}",
        new.public_key().to_hex(),
        old.public_key().to_hex()
    );
    let keys = keywright_license::VerifyKeys::parse(&keys).unwrap();
    assert_eq!(keys.first(), &new.public_key());
    for signer in [old, new] {
        let license = NewLicense {
            license_id: Uuid::nil(),
            ..new_license()
        };
        let verified = verify_license(&signer.sign_license(&license).unwrap(), &keys).unwrap();
        assert_eq!(verified.signed_by(), &signer.public_key());
    }
}
