//! The published Keysat client for Rust reads what this crate mints, and this
//! crate reads what that client accepts.

use keysat_licensing_client::verify::hash_fingerprint;
use keysat_licensing_client::{PublicKeyPem, Verifier};
use keywright_license::{NewLicense, VerifyKeys, clean_pasted, verify_license};
use proptest::prelude::*;

use crate::properties::{config, new_license, signed_text, tampered};
use crate::vectors::{LICENSES, license, license_keys, signing_key, verify_keys};

/// The client, trusting the newest of `keys`.
fn client(keys: &VerifyKeys) -> Verifier {
    Verifier::new(PublicKeyPem::from_str(&keys.first().to_pem()).unwrap())
}

/// Both must verify `text` and read the same from it.
fn assert_read_alike(text: &str, keys: &VerifyKeys) {
    let theirs = client(keys).verify(text).unwrap();
    let ours = verify_license(text, keys).unwrap();
    let ours = ours.payload();
    assert_eq!(theirs.product_id, ours.product_id().to_string());
    assert_eq!(theirs.license_id, ours.license_id().to_string());
    assert_eq!(theirs.payload.flags, ours.flags());
    assert_eq!(theirs.is_trial(), ours.is_trial());
    assert_eq!(
        theirs.payload.is_fingerprint_bound(),
        ours.is_fingerprint_bound()
    );
    assert_eq!(theirs.payload.issued_at, ours.issued_at());
    assert_eq!(theirs.payload.expires_at, ours.expires_at().unwrap_or(0));
    assert_eq!(&theirs.payload.fingerprint_hash, ours.fingerprint_hash());
    assert_eq!(theirs.payload.entitlements, ours.entitlements());
}

#[test]
fn the_public_vectors_read_alike() {
    for name in LICENSES {
        assert_read_alike(&license(name), &license_keys());
    }
}

#[test]
fn the_client_checks_time_and_machine_of_a_minted_key() {
    let license = NewLicense {
        expires_at: Some(1_900_000_000),
        fingerprint_hash: Some(keywright_license::hash_fingerprint("a machine")),
        ..crate::vectors::new_license()
    };
    let text = signing_key().sign_license(&license).unwrap();
    let client = client(&verify_keys());
    let ours = verify_license(&text, &verify_keys()).unwrap();
    for now in [0, 1_899_999_999, 1_900_000_000, i64::MAX] {
        assert_eq!(
            client.verify_with_time(&text, now).is_ok(),
            ours.check_expiry(now).is_ok(),
            "{now}"
        );
    }
    for machine in ["a machine", "another", ""] {
        let theirs = client.verify_with_fingerprint(&text, machine).is_ok();
        assert_eq!(theirs, ours.check_fingerprint(machine).is_ok(), "{machine}");
        assert_eq!(
            hash_fingerprint(machine),
            keywright_license::hash_fingerprint(machine)
        );
    }
}

#[test]
fn the_largest_key_reads_alike() {
    let entitlements = vec!["x".repeat(255); 255];
    let license = NewLicense {
        entitlements,
        ..crate::vectors::new_license()
    };
    assert_read_alike(
        &signing_key().sign_license(&license).unwrap(),
        &verify_keys(),
    );
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_is_minted_reads_alike(license in new_license()) {
        assert_read_alike(&signing_key().sign_license(&license).unwrap(), &verify_keys());
    }

    /// Payloads that this crate would not mint, well signed: both accept or both
    /// refuse.
    #[test]
    fn whatever_is_signed_is_judged_alike(text in signed_text()) {
        let keys = verify_keys();
        if client(&keys).verify(&text).is_ok() {
            assert_read_alike(&text, &keys);
        } else {
            prop_assert!(verify_license(&text, &keys).is_err());
        }
    }

    /// This crate's rule is the client's for the text that is left once it is cleaned.
    #[test]
    fn whatever_is_tampered_with_is_judged_alike(text in tampered()) {
        let keys = verify_keys();
        let mut clean = clean_pasted(&text).to_ascii_uppercase();
        if let Some(body) = clean.strip_prefix("LIC1-") {
            clean = format!("LIC1-{}", body.replace('0', "O").replace('1', "I").replace('8', "B"));
        }
        let theirs = client(&keys).verify(&clean).is_ok();
        prop_assert_eq!(theirs, verify_license(&text, &keys).is_ok());
    }
}
