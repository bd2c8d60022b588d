//! Texts that are not license keys, and keys that were tampered with.

use keywright_license::{FormatError, LicenseError, LicenseKey, MAX_KEY_LEN, verify_license};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{
    LICENSES, decode_key, encode_key, license, license_keys, signed_key, verify_keys,
};

/// Parsing must fail, and the one-call form must call it `bad_format`.
fn assert_format_error(text: &str, expected: &FormatError) {
    let shown = &text[..text.len().min(80)];
    assert_eq!(LicenseKey::parse(text).as_ref(), Err(expected), "{shown:?}");
    let error = verify_license(text, &license_keys()).unwrap_err();
    assert_eq!(error.code(), "bad_format", "{shown:?}");
    assert_eq!(error, LicenseError::Format(expected.clone()));
}

#[test]
fn the_published_rejects_are_refused() {
    for (text, expected) in [
        ("", FormatError::Empty),
        ("notakey", FormatError::BadPrefix),
        ("LIC9-AAAA-BBBB", FormatError::BadPrefix),
        ("WRONG-AAAA-BBBB", FormatError::BadPrefix),
        ("LIC1", FormatError::MissingSignature),
        ("LIC1-AAAA", FormatError::MissingSignature),
    ] {
        assert_format_error(text, &expected);
    }
}

#[test]
fn the_first_character_of_the_payload_cannot_be_swapped() {
    for name in LICENSES {
        let text = license(name);
        let first = text.as_bytes()[5];
        let swapped = if first == b'B' { "C" } else { "B" };
        let tampered = format!("LIC1-{swapped}{}", &text[6..]);
        let error = verify_license(&tampered, &license_keys()).unwrap_err();
        assert!(["bad_signature", "bad_format"].contains(&error.code()));
    }
}

#[test]
fn the_envelope_is_strict() {
    let text = license("v2");
    let (_, rest) = text.split_once('-').unwrap();
    let (payload, signature) = rest.split_once('-').unwrap();
    let payload_error = FormatError::BadEncoding { part: "payload" };
    let foreign = |character| FormatError::BadCharacter { character };
    let too_long = |extra| FormatError::SignatureTooLong { extra };
    for (text, expected) in [
        (format!("LIC1{rest}"), FormatError::MissingDashes),
        (text.replace('-', ""), FormatError::MissingDashes),
        (text.replace('-', "_"), foreign('_')),
        (format!("\u{0}{text}"), FormatError::BadPrefix),
        (text[1..].to_owned(), FormatError::BadPrefix),
        (rest.to_owned(), FormatError::BadPrefix),
        (format!("LIC1-{payload}"), FormatError::MissingSignature),
        (format!("{text}-"), FormatError::BadParts),
        (format!("{text}-AAAA"), FormatError::BadParts),
        (format!("LIC1--{rest}"), FormatError::BadParts),
        (text.repeat(2), FormatError::Doubled),
        (format!("{text}\n{text}"), FormatError::Doubled),
        (format!("LIC1-{payload}=-{signature}"), foreign('=')),
        (format!("LIC1-9{}-{signature}", &payload[1..]), foreign('9')),
        (format!("LIC1-é{}-{signature}", &payload[2..]), foreign('é')),
        // A dotless ı and a Greek letter are other letters than they look like.
        (format!("LIC1-{payload}-ı{}", &signature[1..]), foreign('ı')),
        (format!("LIC1-{payload}-Α{}", &signature[1..]), foreign('Α')),
        (format!("LIC1-{}-{signature}", &payload[1..]), payload_error),
        (format!("LIC1-{payload}-{signature}="), foreign('=')),
        (format!("LIC1-{payload}-{signature}A"), too_long(1)),
        (format!("{text} thank you"), too_long(8)),
        (
            text[..text.len() - 3].to_owned(),
            FormatError::SignatureTooShort { missing: 3 },
        ),
        (
            format!("LIC1-{payload}-"),
            FormatError::SignatureTooShort { missing: 103 },
        ),
        (
            format!("LIC1--{signature}"),
            FormatError::BadPayloadLength { length: 0 },
        ),
    ] {
        assert_format_error(&text, &expected);
    }
}

#[test]
fn the_unused_bits_of_the_last_character_are_zero() {
    // 64 bytes leave 3 of the last character's 5 bits unused, so 8 characters
    // would decode to the same signature; only the one with zero bits is good.
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    for name in LICENSES {
        let text = license(name);
        let (body, last) = text.split_at(text.len() - 1);
        let value = ALPHABET.find(last).unwrap();
        assert_eq!(value & 0b111, 0);
        for unused in 1..8 {
            let other = &ALPHABET[value | unused..=value | unused];
            assert_format_error(
                &format!("{body}{other}"),
                &FormatError::BadEncoding { part: "signature" },
            );
        }
    }
    // 83 bytes leave 1 bit unused in the payload.
    let text = license("v2_perpetual_unbound");
    let (payload, signature) = text["LIC1-".len()..].split_once('-').unwrap();
    assert_eq!(payload.len(), 133);
    assert!(payload.ends_with('A'));
    let other = format!("LIC1-{}B-{signature}", &payload[..132]);
    assert_format_error(&other, &FormatError::BadEncoding { part: "payload" });
}

#[test]
fn signatures_of_other_lengths_are_refused() {
    let (payload, signature) = decode_key(&license("v2"));
    for length in [1, 32, 63, 65, 128] {
        let mut other = signature.clone();
        other.resize(length, 0);
        assert_format_error(
            &encode_key(&payload, &other),
            &match (length * 8).div_ceil(5) {
                length @ ..103 => FormatError::SignatureTooShort {
                    missing: 103 - length,
                },
                103 => unreachable!("64 bytes are not in the list"),
                length => FormatError::SignatureTooLong {
                    extra: length - 103,
                },
            },
        );
    }
}

#[test]
fn unknown_versions_are_refused_even_when_well_signed() {
    let (mut payload, _) = decode_key(&license("v2"));
    for version in (0..=255).filter(|version| ![1, 2].contains(version)) {
        payload[0] = version;
        let expected = FormatError::UnsupportedVersion { version };
        assert_eq!(
            verify_license(&signed_key(&payload), &verify_keys()),
            Err(expected.into())
        );
    }
}

/// Well-signed payloads must still be exact.
fn assert_refused_though_signed(payload: &[u8], expected: FormatError) {
    assert_eq!(
        verify_license(&signed_key(payload), &verify_keys()),
        Err(expected.into())
    );
}

#[test]
fn a_version_1_payload_has_exactly_74_bytes() {
    let (payload, _) = decode_key(&license("v1"));
    for length in (1..74).chain(75..90) {
        let mut other = payload.clone();
        other.resize(length, 0);
        assert_refused_though_signed(&other, FormatError::BadPayloadLength { length });
    }
}

#[test]
fn a_version_2_payload_is_exact() {
    let (payload, _) = decode_key(&license("v2"));
    for length in 1..83 {
        assert_refused_though_signed(&payload[..length], FormatError::BadPayloadLength { length });
    }
    for length in 83..payload.len() {
        assert_refused_though_signed(&payload[..length], FormatError::TruncatedEntitlements);
    }
    for extra in 0..=255 {
        let other = [payload.as_slice(), &[extra]].concat();
        assert_refused_though_signed(&other, FormatError::TrailingBytes);
    }
}

#[test]
fn entitlements_are_utf8() {
    let (mut payload, _) = decode_key(&license("v2_perpetual_unbound"));
    for invalid in [
        &b"\xff"[..],
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"ok\x80",
    ] {
        payload.truncate(82);
        payload.extend([1, u8::try_from(invalid.len()).unwrap()]);
        payload.extend(invalid);
        assert_refused_though_signed(&payload, FormatError::EntitlementNotUtf8);
    }
    // Other issuers may use non-ASCII, empty and repeated entitlements.
    payload.truncate(82);
    payload.extend(b"\x03\x02\xc3\xa9\x00\x00");
    let license = verify_license(&signed_key(&payload), &verify_keys()).unwrap();
    assert_eq!(license.payload().entitlements(), ["é", "", ""]);
}

#[test]
fn unknown_flags_are_kept_and_ignored() {
    let (mut payload, _) = decode_key(&license("v2_perpetual_unbound"));
    payload[1] = 0b1111_1100;
    let license = verify_license(&signed_key(&payload), &verify_keys()).unwrap();
    assert_eq!(license.payload().flags(), 0b1111_1100);
    assert!(!license.payload().is_trial() && !license.payload().is_fingerprint_bound());
}

#[test]
fn a_time_before_1970_is_read_and_expired() {
    let (mut payload, _) = decode_key(&license("v2"));
    payload[42..50].copy_from_slice(&(-1_i64).to_be_bytes());
    let license = verify_license(&signed_key(&payload), &verify_keys()).unwrap();
    assert_eq!(license.payload().expires_at(), Some(-1));
    assert_eq!(
        license.check_expiry(0),
        Err(LicenseError::Expired { expires_at: -1 })
    );
}

#[test]
fn overlong_texts_are_refused_by_their_length() {
    for text in [
        "A".repeat(1 << 20),
        " ".repeat(1 << 20),
        "é".repeat(1 << 19),
        license("v2").repeat(5000),
    ] {
        assert_format_error(&text, &FormatError::TooLong { length: text.len() });
    }
    let text = format!("LIC1-{}-", "A".repeat(MAX_KEY_LEN));
    assert_format_error(&text, &FormatError::TooLong { length: text.len() });
    // White space beyond any reason is not searched for its end.
    let text = format!("{}{}", " ".repeat(2 * MAX_KEY_LEN), license("v2"));
    assert_format_error(&text, &FormatError::TooLong { length: text.len() });
}

#[test]
fn messages_and_codes_are_distinct() {
    let errors = [
        FormatError::TooLong { length: 1 },
        FormatError::Empty,
        FormatError::BadPrefix,
        FormatError::MissingDashes,
        FormatError::MissingSignature,
        FormatError::Doubled,
        FormatError::BadParts,
        FormatError::BadCharacter { character: '9' },
        FormatError::BadEncoding { part: "payload" },
        FormatError::SignatureTooShort { missing: 3 },
        FormatError::SignatureTooLong { extra: 3 },
        FormatError::BadPayloadLength { length: 1 },
        FormatError::UnsupportedVersion { version: 3 },
        FormatError::TruncatedEntitlements,
        FormatError::EntitlementNotUtf8,
        FormatError::TrailingBytes,
    ];
    let codes: std::collections::BTreeSet<_> = errors.iter().map(FormatError::code).collect();
    let messages: std::collections::BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!((codes.len(), messages.len()), (errors.len(), errors.len()));
}
