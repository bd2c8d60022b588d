//! Properties of all keys: nothing but the key itself is accepted, and decoding
//! and encoding are inverse.

use data_encoding::BASE32_NOPAD;
use keywright_license::{
    Date, LicenseKey, LicensePayload, NewLicense, Token, TokenClaims, Uuid, clean_pasted,
    verify_license, verify_token,
};
use proptest::prelude::*;
use proptest::sample::Index;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{
    LICENSES, decode_key, encode_key, license, license_keys, signed_key, signing_key, verify_keys,
};

/// How the random tests run. There is no file to remember failures in: the
/// failing value is printed, and becomes a test of its own.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const TIME_END: i64 = 1 << 53;

/// Every license that can be minted.
pub(crate) fn new_license() -> impl Strategy<Value = NewLicense> {
    let entitlement = proptest::collection::vec(0_u8..128, 1..=255)
        .prop_map(|bytes| String::from_utf8(bytes).unwrap());
    (
        any::<(u128, u128)>(),
        0..TIME_END,
        proptest::option::of(1..TIME_END),
        any::<(bool, Option<[u8; 32]>)>(),
        proptest::collection::vec(entitlement, 0..6),
    )
        .prop_map(
            |(
                (product, license),
                issued_at,
                expires_at,
                (trial, fingerprint_hash),
                entitlements,
            )| {
                NewLicense {
                    product_id: Uuid::from_u128(product),
                    license_id: Uuid::from_u128(license),
                    issued_at,
                    expires_at,
                    trial,
                    fingerprint_hash,
                    entitlements,
                }
            },
        )
}

/// Payload bytes that are often, but not always, well-formed: a version, any
/// fixed part, and entitlements whose count and lengths may be wrong.
fn payload_bytes() -> impl Strategy<Value = Vec<u8>> {
    let entitlement =
        (0_u8..12, proptest::collection::vec(any::<u8>(), 0..12)).prop_map(|(length, text)| {
            let honest = u8::try_from(text.len()).unwrap();
            // A third of the lengths is wrong.
            [vec![if length % 3 == 0 { length } else { honest }], text].concat()
        });
    let version_1 =
        proptest::collection::vec(any::<u8>(), 70..78).prop_map(|rest| [vec![1], rest].concat());
    let version_2 = (
        proptest::collection::vec(any::<u8>(), 81),
        proptest::collection::vec(entitlement, 0..4),
        -1_i8..=1,
    )
        .prop_map(|(fixed, entitlements, error)| {
            let count =
                i8::try_from(entitlements.len()).unwrap() + if error == 0 { 0 } else { error };
            [
                vec![2],
                fixed,
                vec![count.max(0).cast_unsigned()],
                entitlements.concat(),
            ]
            .concat()
        });
    prop_oneof![
        version_1,
        version_2,
        proptest::collection::vec(any::<u8>(), 0..120)
    ]
}

/// A well-signed key over [`payload_bytes`].
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn signed_text() -> impl Strategy<Value = String> {
    payload_bytes().prop_map(|payload| signed_key(&payload))
}

/// A minted key with one character replaced, removed or inserted.
pub(crate) fn tampered() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        proptest::char::ranges(vec!['A'..='Z', '2'..='7', 'a'..='z', '-'..='-', ' '..=' '].into()),
        any::<char>(),
    ];
    (new_license(), any::<Index>(), character, 0..3).prop_map(
        |(license, index, character, kind)| {
            let mut text: Vec<char> = signing_key()
                .sign_license(&license)
                .unwrap()
                .chars()
                .collect();
            let index = index.index(text.len());
            match kind {
                0 => text[index] = character,
                1 => drop(text.remove(index)),
                _ => text.insert(index, character),
            }
            text.into_iter().collect()
        },
    )
}

#[test]
fn every_truncated_text_is_refused() {
    for name in LICENSES {
        let text = license(name);
        for length in 0..text.len() {
            assert!(
                verify_license(&text[..length], &license_keys()).is_err(),
                "{name} {length}"
            );
            assert!(
                verify_license(&text[text.len() - length..], &license_keys()).is_err(),
                "{name} {length}"
            );
        }
    }
}

#[test]
fn every_appended_byte_of_the_alphabet_is_refused() {
    for name in LICENSES {
        let text = license(name);
        for byte in 0..=u8::MAX {
            let character = char::from(byte);
            let accepted = verify_license(&format!("{text}{character}"), &license_keys()).is_ok();
            // White space and punctuation around a key are no part of it.
            let same = clean_pasted(&format!("{text}{character}")) == text;
            assert_eq!(accepted, same, "{name} {byte}");
            assert!(!(accepted && character.is_alphanumeric()), "{name} {byte}");
        }
    }
}

#[test]
fn every_flipped_bit_of_the_text_is_refused() {
    for name in LICENSES {
        let text = license(name);
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // What is no longer UTF-8 cannot be given to the crate at all.
            let Ok(flipped) = String::from_utf8(bytes) else {
                continue;
            };
            // This bit is the case of a letter, which does not matter.
            let case_only = flipped.eq_ignore_ascii_case(&text);
            let accepted = verify_license(&flipped, &license_keys()).is_ok();
            assert_eq!(accepted, case_only, "{name} bit {bit}");
        }
    }
}

#[test]
fn every_flipped_bit_and_changed_length_of_the_bytes_is_refused() {
    let keys = license_keys();
    for name in LICENSES {
        let (payload, signature) = decode_key(&license(name));
        let refused = |payload: &[u8], signature: &[u8]| {
            verify_license(&encode_key(payload, signature), &keys).is_err()
        };
        assert!(!refused(&payload, &signature));
        for bit in 0..payload.len() * 8 {
            let mut flipped = payload.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&flipped, &signature), "{name} payload bit {bit}");
        }
        for bit in 0..signature.len() * 8 {
            let mut flipped = signature.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(refused(&payload, &flipped), "{name} signature bit {bit}");
        }
        for length in 0..payload.len() {
            assert!(
                refused(&payload[..length], &signature),
                "{name} payload of {length}"
            );
        }
        for length in 0..signature.len() {
            assert!(
                refused(&payload, &signature[..length]),
                "{name} signature of {length}"
            );
        }
        for byte in 0..=u8::MAX {
            assert!(refused(&[payload.as_slice(), &[byte]].concat(), &signature));
            assert!(refused(&payload, &[signature.as_slice(), &[byte]].concat()));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_minted_is_read_back(license in new_license()) {
        let text = signing_key().sign_license(&license).unwrap();
        let verified = verify_license(&text, &verify_keys()).unwrap();
        let says = verified.payload();
        prop_assert_eq!((says.product_id(), says.license_id()), (license.product_id, license.license_id));
        prop_assert_eq!((says.issued_at(), says.expires_at()), (license.issued_at, license.expires_at));
        prop_assert_eq!(says.is_trial(), license.trial);
        prop_assert_eq!(says.is_fingerprint_bound(), license.fingerprint_hash.is_some());
        prop_assert_eq!(says.entitlements(), license.entitlements);
        prop_assert_eq!(LicenseKey::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn a_payload_that_decodes_encodes_to_the_same_bytes(bytes in payload_bytes()) {
        if let Ok(payload) = LicensePayload::from_bytes(&bytes) {
            prop_assert_eq!(payload.to_bytes(), bytes.clone());
        }
        // The same through the text, where the signature must not matter.
        if let Ok(key) = LicenseKey::parse(&signed_key(&bytes)) {
            prop_assert_eq!(key.to_string(), signed_key(&bytes));
            prop_assert!(key.verify(&verify_keys()).is_ok());
        }
    }

    #[test]
    fn a_tampered_key_is_refused_or_the_same_key(text in tampered()) {
        // Changing the case of a letter or adding a space at an end leaves the
        // key what it was; then it must read as a key with the same text.
        if verify_license(&text, &verify_keys()).is_ok() {
            let canonical = LicenseKey::parse(&text).unwrap().to_string();
            let clean = clean_pasted(&text).to_ascii_uppercase();
            let folded = clean[5..].replace('0', "O").replace('1', "I").replace('8', "B");
            prop_assert_eq!(&canonical[5..], folded);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), body in "LIC1-[A-Za-z2-7=]{0,300}-[A-Z2-7]{100,106}") {
        prop_assert!(verify_license(&text, &verify_keys()).is_err());
        prop_assert!(verify_license(&body, &verify_keys()).is_err());
        prop_assert!(verify_token(&text, &verify_keys(), "editor", 0).is_err());
    }

    #[test]
    fn letter_case_does_not_matter(license in new_license(), lower in any::<[bool; 32]>()) {
        let text = signing_key().sign_license(&license).unwrap();
        let other: String = text
            .chars()
            .enumerate()
            .map(|(index, c)| if lower[index % 32] { c.to_ascii_lowercase() } else { c })
            .collect();
        prop_assert_eq!(LicenseKey::parse(&other), LicenseKey::parse(&text));
    }

    #[test]
    fn a_minted_token_is_read_back(
        product in ".{1,40}",
        now in -62_167_219_200_i64..253_402_300_800,
        entitlements in proptest::collection::vec(".{0,20}", 0..5),
        version_floor in proptest::option::of(".{0,12}"),
        license in proptest::option::of(".{0,36}"),
        maintained in proptest::option::of(-62_167_219_200_i64..253_402_300_800),
    ) {
        let channel_expiry = Date::from_unix(now);
        let claims = TokenClaims { product: product.clone(), channel_expiry, entitlements, version_floor, license, maintenance_until: maintained.map(Date::from_unix), issued_at: maintained };
        let text = signing_key().sign_token(&claims).unwrap();
        prop_assert_eq!(Token::parse(&text).unwrap().to_string(), text.clone());
        let read = verify_token(&text, &verify_keys(), &product, now).unwrap();
        prop_assert_eq!(read, claims);
    }
}

#[test]
fn the_longest_texts_are_refused_without_being_decoded() {
    // 1 MB of valid base32; decoding it would show in the error.
    let text = format!(
        "LIC1-{}-{}",
        BASE32_NOPAD.encode(&vec![1; 600_000]),
        "A".repeat(103)
    );
    let error = LicenseKey::parse(&text).unwrap_err();
    assert_eq!(error.code(), "too_long");
}
