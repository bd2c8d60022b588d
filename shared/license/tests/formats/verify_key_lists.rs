//! Lists of trusted keys, as they are configured.

use keywright_license::{KeyError, MAX_VERIFY_KEYS, PublicKey, SigningKey, VerifyKeys};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// `count` different keys.
fn keys(count: u8) -> Vec<PublicKey> {
    (1..=count)
        .map(|seed| SigningKey::from_bytes(&[seed; 32]).unwrap().public_key())
        .collect()
}

fn listed(set: &VerifyKeys) -> Vec<PublicKey> {
    assert_eq!(set.len(), set.iter().count());
    assert_eq!(Some(set.first()), set.iter().next());
    assert_eq!(
        set.into_iter().collect::<Vec<_>>(),
        set.iter().collect::<Vec<_>>()
    );
    set.iter().copied().collect()
}

#[test]
fn keys_in_any_form_are_separated_by_anything_sensible() {
    let expected = keys(3);
    let (a, b, c) = (
        expected[0].to_hex(),
        expected[1].to_base64(),
        expected[2].to_pem(),
    );
    for text in [
        format!("{a},{b},{c}"),
        format!("{a} {b} {c}"),
        format!("{a}\n{b}\n{c}"),
        format!("{a};{b};{c}"),
        format!("\r\n  {a} ,\r\n  {b} ,,\r\n  {c} \r\n,"),
        format!("{a}\\n{b}\\n{}", c.replace('\n', "\\n")),
        format!("{a}\\r\\n{b}\\r\\n{}", c.replace('\n', "\\r\\n")),
        format!("{a} {b} {}", c.replace('\n', " ")),
        format!("{a},{b},{}", c.replace('\n', "")),
    ] {
        assert_eq!(
            listed(&VerifyKeys::parse(&text).unwrap()),
            expected,
            "{text:?}"
        );
        assert_eq!(
            text.parse::<VerifyKeys>().map(|set| listed(&set)),
            Ok(expected.clone())
        );
    }
    let pems: String = expected.iter().map(PublicKey::to_pem).collect();
    assert_eq!(listed(&VerifyKeys::parse(&pems).unwrap()), expected);
    let glued = pems.replace('\n', "");
    assert_eq!(listed(&VerifyKeys::parse(&glued).unwrap()), expected);
    let first_pem = format!(
        "{}{},{}",
        expected[0].to_pem(),
        expected[1].to_hex(),
        expected[2].to_base64()
    );
    assert_eq!(listed(&VerifyKeys::parse(&first_pem).unwrap()), expected);
}

#[test]
fn one_key_is_a_list() {
    let one = keys(1);
    for text in [one[0].to_hex(), one[0].to_base64(), one[0].to_pem()] {
        assert_eq!(listed(&VerifyKeys::parse(&text).unwrap()), one);
    }
}

#[test]
fn no_key_is_no_list() {
    for text in ["", " ", ",", "\n;\r\n", "\\n"] {
        assert_eq!(VerifyKeys::parse(text), Err(KeyError::Missing), "{text:?}");
    }
    assert_eq!(VerifyKeys::new([]), Err(KeyError::Missing));
}

#[test]
fn one_wrong_key_spoils_the_list_and_is_named() {
    let good = keys(2);
    let (a, b) = (good[0].to_hex(), good[1].to_pem());
    for (text, position, error) in [
        (format!("{a} x"), 2, KeyError::UnknownForm),
        (format!("x {a}"), 1, KeyError::UnknownForm),
        (format!("{a} {}", "0".repeat(64)), 2, KeyError::SmallOrder),
        (
            format!("{b}{}", b.replace("PUBLIC", "PRIVATE")),
            2,
            KeyError::PrivateKey,
        ),
        (
            format!("{a},{}", b.replace("PUBLIC", "RSA PUBLIC")),
            2,
            KeyError::BadPem,
        ),
        (format!("{a},{}", &b[..40]), 2, KeyError::BadPem),
        (format!("{a},{}", &b[..90]), 2, KeyError::BadPem),
        (format!("{a}\\t{a}"), 1, KeyError::UnknownForm),
        (format!("\"{a}\""), 1, KeyError::UnknownForm),
    ] {
        let expected = KeyError::InList {
            position,
            error: Box::new(error),
        };
        assert_eq!(VerifyKeys::parse(&text), Err(expected.clone()), "{text:?}");
        assert!(expected.to_string().contains(&format!("number {position}")));
    }
}

#[test]
fn a_key_given_twice_counts_once() {
    let two = keys(2);
    let set = VerifyKeys::new([two[0], two[1], two[0], two[1]]).unwrap();
    assert_eq!(listed(&set), two);
}

#[test]
fn the_number_of_keys_is_limited() {
    let most = keys(u8::try_from(MAX_VERIFY_KEYS).unwrap());
    assert_eq!(
        VerifyKeys::new(most.clone()).unwrap().len(),
        MAX_VERIFY_KEYS
    );
    let doubled: Vec<_> = most.iter().chain(&most).copied().collect();
    assert_eq!(VerifyKeys::new(doubled).unwrap().len(), MAX_VERIFY_KEYS);
    let more = keys(u8::try_from(MAX_VERIFY_KEYS).unwrap() + 1);
    assert_eq!(
        VerifyKeys::new(more),
        Err(KeyError::TooMany {
            max: MAX_VERIFY_KEYS
        })
    );
}

#[test]
fn the_key_set_lists_the_newest_first() {
    let two = keys(2);
    let set = VerifyKeys::new(two.clone()).unwrap();
    let expected = serde_json::json!({ "keys": [two[0].to_jwk(), two[1].to_jwk()] });
    assert_eq!(serde_json::to_value(set.to_jwks()).unwrap(), expected);
}
