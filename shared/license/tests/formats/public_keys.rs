//! Public keys in their text forms.

use keywright_license::{KeyError, PublicKey};
use serde_json::json;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::vectors::{lic1, license_keys, text};

const HEX: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
const BASE64: &str = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";

fn key() -> PublicKey {
    *license_keys().first()
}

#[test]
fn every_form_gives_the_same_key() {
    let pem = text(&lic1(), "publicKeyPem").to_owned();
    let forms = [
        HEX.to_owned(),
        HEX.to_uppercase(),
        BASE64.to_owned(),
        BASE64.trim_end_matches('=').to_owned(),
        BASE64.replace('/', "_"),
        BASE64.replace('/', "_").trim_end_matches('=').to_owned(),
        format!("  {HEX}\n"),
        pem.clone(),
        pem.trim_end().to_owned(),
        pem.replace('\n', "\r\n"),
        pem.replace('\n', " "),
        pem.replace('\n', ""),
        format!("\n\n{pem}\n\n"),
        pem.replace("MCowBQYDK2Vw", "MCow\nBQYDK2Vw\n"),
    ];
    for form in forms {
        assert_eq!(form.parse(), Ok(key()), "{form:?}");
    }
    assert_eq!(
        PublicKey::from_jwk(&serde_json::to_string(&key().to_jwk()).unwrap()),
        Ok(key())
    );
    assert_eq!(PublicKey::from_bytes(*key().as_bytes()), Ok(key()));
}

#[test]
fn forms_are_written_canonically() {
    assert_eq!(key().to_hex(), HEX);
    assert_eq!(key().to_base64(), BASE64);
    assert_eq!(key().to_pem(), text(&lic1(), "publicKeyPem"));
    assert_eq!(
        serde_json::to_value(key().to_jwk()).unwrap(),
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
            "kid": key().key_id(),
            "use": "sig",
            "alg": "EdDSA",
        })
    );
    assert_eq!(format!("{:?}", key()), format!("PublicKey({HEX})"));
}

#[test]
fn key_ids_are_rfc_7638_thumbprints() {
    // RFC 8037 appendix A.2 and A.3.
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let key = PublicKey::from_jwk(jwk).unwrap();
    assert_eq!(key.key_id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn other_texts_are_not_keys() {
    for text in [
        "x",
        "not a key",
        &HEX[1..],
        &HEX[2..],
        &format!("{HEX}0"),
        &format!("{HEX}00"),
        &format!("0x{HEX}"),
        &HEX.replace('a', "g"),
        &BASE64[1..],
        &format!("{BASE64}="),
        &BASE64.replace('=', "=="),
        // Non-zero unused bits in the last character.
        &BASE64.replace("bg=", "bh="),
        // Both alphabets at once.
        &BASE64.replacen("A6", "-6", 1),
        "ＡA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMb=",
    ] {
        assert_eq!(
            text.parse::<PublicKey>(),
            Err(KeyError::UnknownForm),
            "{text:?}"
        );
    }
    for text in ["", " \n"] {
        assert_eq!(text.parse::<PublicKey>(), Err(KeyError::Missing));
    }
}

#[test]
fn pem_has_the_one_label_and_the_44_bytes() {
    let pem = text(&lic1(), "publicKeyPem").to_owned();
    let body = "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=";
    for other in [
        pem.replace("PUBLIC KEY", "RSA PUBLIC KEY"),
        pem.replace("PUBLIC KEY", "CERTIFICATE"),
        pem.replace("END PUBLIC", "END PUBLIK"),
        pem.replace("-----END PUBLIC KEY-----", ""),
        pem.replace(body, ""),
        pem.replace(body, BASE64),
        pem.replace("bg=", "bh="),
        pem.replace("bg=", "bg"),
        pem.replace("bg=", "bgA="),
        // X25519 instead of Ed25519: the last byte of the object identifier.
        pem.replace("MCowBQYDK2VwAyEA", "MCowBQYDK2VuAyEA"),
        // One unused bit.
        pem.replace("MCowBQYDK2VwAyEA", "MCowBQYDK2VwAyEB"),
        format!("{pem}x"),
    ] {
        assert_eq!(
            other.parse::<PublicKey>(),
            Err(KeyError::BadPem),
            "{other:?}"
        );
    }
}

#[test]
fn private_keys_are_recognised() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n";
    for pem in [
        pem.to_owned(),
        pem.replace("PRIVATE", "OPENSSH PRIVATE"),
        pem.replace("PRIVATE", "EC PRIVATE"),
    ] {
        assert_eq!(pem.parse::<PublicKey>(), Err(KeyError::PrivateKey));
    }
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_eq!(PublicKey::from_jwk(jwk), Err(KeyError::PrivateKey));
}

#[test]
fn a_jwk_is_an_okp_key_on_ed25519() {
    let good =
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    assert!(PublicKey::from_jwk(&good.to_string()).is_ok());
    for (member, value) in [
        ("kty", json!("EC")),
        ("kty", json!("okp")),
        ("kty", json!(null)),
        ("crv", json!("X25519")),
        ("crv", json!("Ed448")),
        ("x", json!("")),
        ("x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")),
        ("x", json!("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo")),
        ("x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp")),
        ("x", json!("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcH")),
        ("x", json!([1])),
    ] {
        let mut other = good.clone();
        other[member] = value;
        assert_eq!(
            PublicKey::from_jwk(&other.to_string()),
            Err(KeyError::BadJwk),
            "{other}"
        );
    }
    for text in [
        "",
        "{}",
        "null",
        "x",
        r#"["OKP","Ed25519","11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]"#,
    ] {
        assert_eq!(PublicKey::from_jwk(text), Err(KeyError::BadJwk), "{text}");
    }
    let with_more = good
        .to_string()
        .replace('{', r#"{"use":"sig","key_ops":["verify"],"nbf":1,"#);
    assert!(PublicKey::from_jwk(&with_more).is_ok());
}

#[test]
fn weak_and_foreign_points_are_refused() {
    // Every encoding of y = 0 … 18 that is not reduced, with either sign.
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, high);
            assert_eq!(PublicKey::from_bytes(bytes), Err(KeyError::NotCanonical));
        }
    }
    let mut largest = [0xff; 32];
    (largest[0], largest[31]) = (0xec, 0x7f);
    assert_eq!(PublicKey::from_bytes(largest), Err(KeyError::SmallOrder));
    assert_eq!(PublicKey::from_bytes([0; 32]), Err(KeyError::SmallOrder));
    assert_eq!(
        "0".repeat(64).parse::<PublicKey>(),
        Err(KeyError::SmallOrder)
    );
    // y = 2 is no point of the curve.
    let mut two = [0; 32];
    two[0] = 2;
    assert_eq!(PublicKey::from_bytes(two), Err(KeyError::NotAPoint));
}

#[test]
fn exactly_the_points_of_small_order_are_refused_as_such() {
    // The small-order points are the multiples of this one, of order 8; the
    // other library names them weak.
    let known = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    ];
    for hex in known {
        let bytes = data_encoding::HEXLOWER
            .decode(hex.as_bytes())
            .unwrap()
            .try_into()
            .unwrap();
        assert!(
            ed25519_dalek::VerifyingKey::from_bytes(&bytes)
                .unwrap()
                .is_weak()
        );
        assert_eq!(
            PublicKey::from_bytes(bytes),
            Err(KeyError::SmallOrder),
            "{hex}"
        );
    }
    // What is accepted is never weak: many points, found by counting y up.
    let mut accepted = 0;
    for y in 0_u16..600 {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&y.to_le_bytes());
        let theirs = ed25519_dalek::VerifyingKey::from_bytes(&bytes);
        match PublicKey::from_bytes(bytes) {
            Ok(_) => {
                assert!(!theirs.unwrap().is_weak());
                accepted += 1;
            }
            Err(KeyError::NotAPoint) => assert!(theirs.is_err()),
            Err(error) => {
                assert_eq!(error, KeyError::SmallOrder);
                assert!(theirs.unwrap().is_weak());
            }
        }
    }
    // About half of all y belong to a point.
    assert!((200..400).contains(&accepted), "{accepted}");
}
