//! The public token vectors.

use keywright_license::{
    Date, SigningKey, Token, TokenClaims, TokenError, VerifyKeys, verify_token,
};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{hex_array, text, tokens};

/// 2026-11-21 12:00:00 UTC.
const NOW: i64 = 1_795_262_400;

/// Calls `check` with every vector, the keys and the product of its suite.
fn for_each_vector(check: impl Fn(&Value, &VerifyKeys, &SigningKey, &str)) {
    let tokens = tokens();
    let mut count = 0;
    for suite in tokens["suites"].as_array().unwrap() {
        let signer = SigningKey::from_bytes(&hex_array(suite, "seedHex")).unwrap();
        assert_eq!(signer.public_key().to_hex(), text(suite, "publicKeyHex"));
        let keys = text(suite, "publicKeyHex").parse().unwrap();
        for vector in suite["tokens"].as_object().unwrap().values() {
            check(vector, &keys, &signer, text(suite, "product"));
            count += 1;
        }
    }
    assert_eq!(count, 8);
}

#[test]
fn the_vectors_give_the_published_codes() {
    for_each_vector(|vector, keys, _, product| {
        let result = verify_token(text(vector, "token"), keys, product, NOW);
        let code = result.as_ref().err().map(TokenError::code);
        assert_eq!(code, vector["code"].as_str(), "{vector}");
        if let Ok(claims) = result {
            assert_eq!(claims.product, product);
        }
    });
}

#[test]
fn the_vectors_decode_and_encode() {
    for_each_vector(|vector, _, _, _| {
        if vector["code"] == "token-too-short" {
            return;
        }
        let token = Token::parse(text(vector, "token")).unwrap();
        assert_eq!(
            token.unverified_payload(),
            text(vector, "payload").as_bytes()
        );
        assert_eq!(token.to_string(), text(vector, "token"));
    });
}

#[test]
fn minting_gives_the_published_texts() {
    let mut minted = std::cell::Cell::new(0);
    for_each_vector(|vector, _, signer, _| {
        let Some(payload) = vector["payload"].as_str() else {
            return;
        };
        // Only what is signed well and has all four members, as minted.
        if vector["code"] == "invalid-signature" || !payload.contains("version_floor") {
            return;
        }
        let claims = TokenClaims::from_json(payload.as_bytes()).unwrap();
        assert_eq!(claims.to_json(), payload.as_bytes());
        assert_eq!(signer.sign_token(&claims).unwrap(), text(vector, "token"));
        minted.set(minted.get() + 1);
    });
    assert_eq!(*minted.get_mut(), 4);
}

#[test]
fn claims_are_read_whole() {
    let suite = &tokens()["suites"][0];
    let keys: VerifyKeys = text(suite, "publicKeyHex").parse().unwrap();
    let token = text(&suite["tokens"]["valid"], "token");
    let verified = Token::parse(token).unwrap().verify(&keys).unwrap();
    assert_eq!(
        verified.claims(),
        &TokenClaims {
            product: "os-test-licensed".to_owned(),
            channel_expiry: Date::parse("2099-12-31").unwrap(),
            entitlements: vec!["download".to_owned(), "source".to_owned()],
            version_floor: Some("0.1.0".to_owned()),
            license: None,
            maintenance_until: None,
            issued_at: None,
        }
    );
    assert_eq!(verified.signed_by(), keys.first());
}

#[test]
fn fingerprints_are_of_the_canonical_text() {
    for_each_vector(|vector, _, _, _| {
        if let Some(fingerprint) = vector["fingerprint"].as_str() {
            let text = text(vector, "token");
            for pasted in [text.to_owned(), format!("token: {text}\r\n")] {
                assert_eq!(Token::parse(&pasted).unwrap().fingerprint(), fingerprint);
            }
        }
    });
}
