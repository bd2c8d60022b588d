//! Tokens that do not open a download, and the order of the checks.

use data_encoding::BASE64URL_NOPAD;
use keywright_license::{
    Date, MAX_TOKEN_LEN, MintError, Token, TokenClaims, TokenError, verify_token,
};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{license_keys, sign, signing_key, verify_keys};

/// 2026-11-21 12:00:00 UTC.
const NOW: i64 = 1_795_262_400;
const DAY: i64 = 86_400;

fn claims() -> TokenClaims {
    TokenClaims {
        product: "editor".to_owned(),
        channel_expiry: Date::parse("2026-11-21").unwrap(),
        entitlements: vec!["binary".to_owned()],
        version_floor: None,
        license: None,
        maintenance_until: None,
        issued_at: None,
    }
}

fn minted() -> String {
    signing_key().sign_token(&claims()).unwrap()
}

/// A token over any payload with a good signature.
fn signed(payload: impl AsRef<[u8]>) -> String {
    let payload = payload.as_ref();
    BASE64URL_NOPAD.encode(&[&sign(payload), payload].concat())
}

fn code(text: &str, product: &str, now: i64) -> &'static str {
    verify_token(text, &verify_keys(), product, now)
        .err()
        .map_or("ok", |error| error.code())
}

#[test]
fn the_day_of_expiry_is_still_good() {
    let token = minted();
    let midnight = NOW - 12 * 3600;
    assert_eq!(code(&token, "editor", midnight - DAY), "ok");
    assert_eq!(code(&token, "editor", midnight), "ok");
    assert_eq!(code(&token, "editor", midnight + DAY - 1), "ok");
    assert_eq!(code(&token, "editor", midnight + DAY), "channel-expired");
    assert_eq!(code(&token, "editor", i64::MAX), "channel-expired");
    assert_eq!(
        verify_token(&token, &verify_keys(), "editor", midnight + DAY),
        Err(TokenError::ChannelExpired {
            channel_expiry: claims().channel_expiry
        })
    );
}

#[test]
fn the_last_day_of_the_calendar_never_expires() {
    let token = signing_key()
        .sign_token(&TokenClaims {
            channel_expiry: Date::MAX,
            ..claims()
        })
        .unwrap();
    assert_eq!(code(&token, "editor", i64::MAX), "ok");
}

#[test]
fn products_are_compared_exactly() {
    for other in ["", "Editor", "editor ", "editor2", "edito"] {
        assert_eq!(code(&minted(), other, NOW), "wrong-product", "{other:?}");
    }
    assert_eq!(
        verify_token(&minted(), &verify_keys(), "other", NOW),
        Err(TokenError::WrongProduct {
            product: "editor".to_owned()
        })
    );
}

#[test]
fn the_text_is_canonical_base64url() {
    let token = minted();
    for text in [
        format!("{token}="),
        format!("{token}=="),
        format!("{}.{}", &token[..10], &token[10..]),
        format!("+{}", &token[1..]),
        format!("/{}", &token[1..]),
        format!("é{}", &token[2..]),
        format!("{token}\u{0}"),
        "a!b".to_owned(),
        "A".to_owned(),
    ] {
        assert_eq!(code(&text, "editor", NOW), "malformed-token", "{text:?}");
    }
}

#[test]
fn the_unused_bits_of_the_last_character_are_zero() {
    // Payloads of three successive lengths end in every possible number of bits.
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut tried = 0;
    for product in ["a", "ab", "abc"] {
        let token = signing_key()
            .sign_token(&TokenClaims {
                product: product.to_owned(),
                ..claims()
            })
            .unwrap();
        let (body, last) = token.split_at(token.len() - 1);
        let unused_bits = [0, 4, 2][(token.len() * 3 / 4) % 3];
        let value = ALPHABET.find(last).unwrap();
        for unused in 1..1 << unused_bits {
            let other = &ALPHABET[value | unused..=value | unused];
            assert_eq!(
                code(&format!("{body}{other}"), product, NOW),
                "malformed-token"
            );
            tried += 1;
        }
    }
    assert_eq!(tried, 15 + 3);
}

#[test]
fn nothing_after_the_signature_is_too_short() {
    for length in [0, 1, 32, 48, 63, 64] {
        assert_eq!(
            code(&BASE64URL_NOPAD.encode(&vec![0; length]), "editor", NOW),
            "token-too-short"
        );
    }
    assert_eq!(code(&signed(""), "editor", NOW), "token-too-short");
    assert_eq!(
        code(&BASE64URL_NOPAD.encode(&[0; 65]), "editor", NOW),
        "invalid-signature"
    );
}

#[test]
fn overlong_texts_are_refused() {
    for length in [MAX_TOKEN_LEN + 1, 1 << 20] {
        assert_eq!(code(&"A".repeat(length), "editor", NOW), "malformed-token");
    }
    // At the limit itself the signature decides.
    assert_eq!(
        code(&"A".repeat(MAX_TOKEN_LEN), "editor", NOW),
        "invalid-signature"
    );
}

#[test]
fn payloads_are_objects_with_the_documented_members() {
    let good = r#""product":"editor","channel_expiry":"2026-11-21","entitlements":["binary"]"#;
    for payload in [
        format!("{{{good}}}"),
        format!("{{{good},\"version_floor\":null}}"),
        format!("{{{good},\"version_floor\":\"1.2\"}}"),
        format!("{{\"extra\":[{{\"deep\":1}}],{good}}}"),
        // Unknown members are skipped, however deep they are.
        format!(
            "{{{good},\"deep\":{}{}}}",
            "[".repeat(2000),
            "]".repeat(2000)
        ),
        format!(" {{{good}}}\n"),
        format!("{{{}}}", good.replace("editor", "\\u0065ditor")),
    ] {
        assert_eq!(code(&signed(&payload), "editor", NOW), "ok", "{payload}");
    }
    for payload in [
        "x".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        r#"["editor","2026-11-21",["binary"],null]"#.to_owned(),
        format!("{{{good}"),
        format!("{{{good}}}}}"),
        format!("{{{good}}}\u{0}"),
        format!("{{{good},}}"),
        format!("\u{feff}{{{good}}}"),
        format!("{{{good},\"product\":\"editor\"}}"),
        format!("{{{good},\"version_floor\":1}}"),
        format!("{{{}}}", good.replace("\"editor\"", "1")),
        format!("{{{}}}", good.replace("\"editor\"", "null")),
        format!("{{{}}}", good.replace("product", "Product")),
        format!("{{{}}}", good.replace("[\"binary\"]", "\"binary\"")),
        format!("{{{}}}", good.replace("[\"binary\"]", "[1]")),
        format!("{{{}}}", good.replace("[\"binary\"]", "null")),
        format!("{{{}}}", good.replace("2026-11-21", "2026-11-21T00:00:00Z")),
        format!("{{{}}}", good.replace("2026-11-21", "2026-9-1")),
        format!("{{{}}}", good.replace("2026-11-21", "9999-99-99")),
        format!("{{{}}}", good.replace("2026-11-21", "2026-02-30")),
        format!("{{{}}}", good.replace("\"2026-11-21\"", "20261121")),
        format!("{{{}}}", good.replace("binary", "\u{1}")),
    ] {
        assert_eq!(
            code(&signed(&payload), "editor", NOW),
            "invalid-payload",
            "{payload}"
        );
    }
    assert_eq!(
        code(&signed(b"{\"product\":\"\xff\"}"), "editor", NOW),
        "invalid-payload"
    );
}

#[test]
fn checks_come_in_the_documented_order() {
    // Each text fails the named check and every later one.
    let expired = r#"{"product":"other","channel_expiry":"2020-01-01","entitlements":[]}"#;
    let foreign = |payload: &[u8]| BASE64URL_NOPAD.encode(&[&[0; 64], payload].concat());
    for (text, expected) in [
        (
            format!("{}=", BASE64URL_NOPAD.encode(&[0; 10])),
            "malformed-token",
        ),
        (BASE64URL_NOPAD.encode(&[0; 10]), "token-too-short"),
        (foreign(b"no JSON"), "invalid-signature"),
        (foreign(expired.as_bytes()), "invalid-signature"),
        (signed("no JSON"), "invalid-payload"),
        (
            signed(expired.replace("2020-01-01", "2020-1-1")),
            "invalid-payload",
        ),
        (signed(expired), "wrong-product"),
        (
            signed(expired.replace("other", "editor")),
            "channel-expired",
        ),
    ] {
        assert_eq!(code(&text, "editor", NOW), expected, "{text}");
    }
}

#[test]
fn another_vendors_token_is_not_signed() {
    let error = verify_token(&minted(), &license_keys(), "editor", NOW).unwrap_err();
    assert_eq!(error, TokenError::InvalidSignature);
}

#[test]
fn every_changed_bit_and_length_is_refused() {
    let token = minted();
    let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
    let keys = verify_keys();
    let refused = |bytes: &[u8]| {
        let text = BASE64URL_NOPAD.encode(bytes);
        verify_token(&text, &keys, "editor", NOW).is_err()
    };
    assert!(!refused(&bytes));
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&changed), "bit {bit}");
    }
    for length in 0..bytes.len() {
        assert!(refused(&bytes[..length]), "length {length}");
    }
    for extra in 0..=255 {
        assert!(
            refused(&[bytes.as_slice(), &[extra]].concat()),
            "extra byte {extra}"
        );
    }
    for length in 0..token.len() {
        assert!(
            verify_token(&token[..length], &keys, "editor", NOW).is_err(),
            "text length {length}"
        );
    }
}

#[test]
fn minting_refuses_what_could_not_be_read_back() {
    let key = signing_key();
    let nameless = TokenClaims {
        product: String::new(),
        ..claims()
    };
    assert_eq!(key.sign_token(&nameless), Err(MintError::NoProduct));
    // (64 + payload bytes) · 4/3 characters: just fits, and one byte more.
    let frame = claims().to_json().len() - "binary".len();
    let room = MAX_TOKEN_LEN / 4 * 3 - 64 - frame;
    let with = |length| TokenClaims {
        entitlements: vec!["x".repeat(length)],
        ..claims()
    };
    let longest = key.sign_token(&with(room)).unwrap();
    assert_eq!(longest.len(), MAX_TOKEN_LEN);
    assert_eq!(code(&longest, "editor", NOW), "ok");
    assert!(matches!(
        key.sign_token(&with(room + 1)),
        Err(MintError::TokenTooLong { .. })
    ));
}

#[test]
fn logs_do_not_show_the_signature() {
    let shown = format!("{:?}", Token::parse(&minted()).unwrap());
    assert!(shown.contains("editor"), "{shown}");
    assert!(!shown.contains("signature"), "{shown}");
}
