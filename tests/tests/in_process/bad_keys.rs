//! License keys that are no good, or look as if they were not.

use crate::bench::{Bench, json_request};
use data_encoding::BASE32_NOPAD;
use ed25519_dalek::{Signer, SigningKey};
use http::Method;
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};

/// The test seed: 32 bytes of 0x5a.
fn seed() -> SigningKey {
    SigningKey::from_bytes(&[0x5a; 32])
}

/// A key over any payload, signed as the sign function would.
pub(crate) fn key_over(payload: &[u8]) -> String {
    let signature = seed().sign(payload).to_bytes();
    format!(
        "LIC1-{}-{}",
        BASE32_NOPAD.encode(payload),
        BASE32_NOPAD.encode(&signature)
    )
}

/// The payload of a key.
fn payload_of(key: &str) -> Vec<u8> {
    let payload = key.split('-').nth(1).expect("a payload");
    BASE32_NOPAD.decode(payload.as_bytes()).expect("base32")
}

/// What validating answers, which changes nothing. Each comes from an address
/// of its own, so that none is one too many.
async fn validated(bench: &Bench, key: &str) -> Value {
    static CALLERS: AtomicU32 = AtomicU32::new(0x0a00_0001);
    let caller = Ipv4Addr::from_bits(CALLERS.fetch_add(1, Ordering::Relaxed)).to_string();
    let mut request = json_request(Method::POST, "/v1/validate", &json!({ "key": key }));
    let caller = caller.parse().expect("a header");
    request.headers_mut().insert("x-forwarded-for", caller);
    let answer = bench.untouched_by(request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn refused(reason: &str) -> Value {
    json!({ "ok": false, "reason": reason })
}

async fn shop_with_a_key() -> (Bench, String) {
    let bench = Bench::new();
    bench.product("demo", 1).await;
    let key = bench
        .issue("demo", json!({ "entitlements": ["pro"] }))
        .await
        .text("license_key");
    (bench, key)
}

#[tokio::test]
async fn a_key_is_read_as_the_contract_says() {
    let (bench, key) = shop_with_a_key().await;
    let (prefix, body) = key.split_at(5);
    for good in [
        key.clone(),
        format!("{prefix}{}", body.to_lowercase()),
        format!("  {key}\r\n"),
        format!("\t{key} "),
        key.to_lowercase(),
        format!("lic1-{body}"),
        format!("{} {}", &key[..20], &key[20..]),
        format!("{}\n{}", &key[..20], &key[20..]),
    ] {
        assert_eq!(validated(&bench, &good).await["ok"], true, "{good:?}");
    }
    let dash = key.rfind('-').expect("a dash");
    for bad in [
        String::new(),
        " ".to_owned(),
        "notakey".to_owned(),
        "LIC1".to_owned(),
        "LIC1-AAAA".to_owned(),
        "LIC1--".to_owned(),
        "WRONG-AAAA-BBBB".to_owned(),
        "LIC9-AAAA-BBBB".to_owned(),
        key[..dash].to_owned(),
        key[..=dash].to_owned(),
        key[..key.len() - 1].to_owned(),
        key[1..].to_owned(),
        format!("{key}A"),
        format!("{key}="),
        format!("{key}-"),
        format!("{key}-AAAA"),
        format!("{key}\u{0}"),
        format!("{key}ä"),
        key.repeat(2),
    ] {
        assert_eq!(
            validated(&bench, &bad).await,
            refused("bad_format"),
            "{bad:?}"
        );
    }
}

#[tokio::test]
async fn a_key_of_a_megabyte_is_no_key() {
    let (bench, key) = shop_with_a_key().await;
    for long in [
        "A".repeat(1 << 20),
        format!("LIC1-{}-{}", "A".repeat(1 << 19), "A".repeat(1 << 19)),
        format!("{key}{}", "A".repeat(1 << 20)),
        format!("{}{key}", " ".repeat(1 << 20)),
    ] {
        bench.shop.database.count_anew();
        let answer = bench.post("/v1/validate", &json!({ "key": long })).await;
        assert_eq!(answer.json(), refused("bad_format"), "{} bytes", long.len());
        assert_eq!(bench.shop.database.calls(), 0);
    }
    let request = json!({ "key": "A".repeat(2 << 20) });
    let answer = bench.post("/v1/validate", &request).await;
    assert_eq!(answer.refusal(), (413, "payload_too_large".to_owned()));
}

#[tokio::test]
async fn a_key_of_a_later_version_is_not_read_although_it_is_signed() {
    let (bench, key) = shop_with_a_key().await;
    let payload = payload_of(&key);
    assert_eq!(
        key_over(&payload),
        key,
        "the test signs as the sign function does"
    );
    for version in [0, 3, 4, 0x7f, 0xff] {
        let mut later = payload.clone();
        later[0] = version;
        let answer = validated(&bench, &key_over(&later)).await;
        assert_eq!(answer, refused("bad_format"), "version {version}");
    }
    let longer = [payload.as_slice(), b"x"].concat();
    assert_eq!(
        validated(&bench, &key_over(&longer)).await,
        refused("bad_format")
    );
    let shorter = &payload[..payload.len() - 1];
    assert_eq!(
        validated(&bench, &key_over(shorter)).await,
        refused("bad_format")
    );
}

#[tokio::test]
async fn a_key_changed_in_any_byte_is_refused() {
    let (bench, key) = shop_with_a_key().await;
    let payload = payload_of(&key);
    let signature = key.rsplit('-').next().expect("a signature");
    for index in 0..payload.len() {
        let mut changed = payload.clone();
        changed[index] ^= 1;
        let changed = format!("LIC1-{}-{signature}", BASE32_NOPAD.encode(&changed));
        let reason = validated(&bench, &changed).await["reason"].clone();
        assert!(
            reason == "bad_signature" || reason == "bad_format",
            "byte {index}: {reason}"
        );
    }
    let stranger = SigningKey::from_bytes(&[7; 32]).sign(&payload).to_bytes();
    let foreign = format!(
        "LIC1-{}-{}",
        BASE32_NOPAD.encode(&payload),
        BASE32_NOPAD.encode(&stranger)
    );
    assert_eq!(validated(&bench, &foreign).await, refused("bad_signature"));
}

#[tokio::test]
async fn a_validly_signed_key_of_no_recorded_license_is_not_found() {
    let (bench, key) = shop_with_a_key().await;
    let mut payload = payload_of(&key);
    // The license id is bytes 18 to 33 of a version 2 payload.
    payload[33] ^= 1;
    assert_eq!(
        validated(&bench, &key_over(&payload)).await,
        refused("not_found")
    );
}
