use super::*;
use keywright_ports::{Clock, Random};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

struct Standing;

impl Clock for Standing {
    fn unix_millis(&self) -> u64 {
        0
    }
}

/// Differs from call to call and from byte to byte, and is the same in every run.
struct Counting(AtomicU8);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let mut next = self.0.fetch_add(1, Ordering::Relaxed);
        for byte in bytes {
            next = next.wrapping_mul(77).wrapping_add(41);
            *byte = next;
        }
    }
}

fn stamps() -> Stamps {
    Stamps::new(Arc::new(Standing), Arc::new(Counting(AtomicU8::new(1))))
}

fn keys(text: &str) -> DeliveryKeys {
    DeliveryKeys {
        secret: EndpointSecret(text.to_owned()),
        old_secret: None,
        signing_key: None,
    }
}

const IDS: DeliveryIds<'static> = DeliveryIds {
    event_id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    delivery_id: "d1",
    event_type: "license.issued",
    attempt_at: 1_614_265_330,
};

/// The example of the specification's own libraries.
#[test]
fn signs_as_the_standard_does() {
    let keys = keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let headers = keys.headers(WebhookFormat::Standard, IDS, r#"{"test": 2432232314}"#);
    assert_eq!(
        headers.unwrap()[2].1,
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

/// RFC 4231, test case 2.
#[test]
fn signs_as_keysat_does() {
    let headers = keys("Jefe").headers(WebhookFormat::Keysat, IDS, "what do ya want for nothing?");
    assert_eq!(
        headers.unwrap(),
        [
            ("x-keysat-event", "license.issued".to_owned()),
            ("x-keysat-delivery", "d1".to_owned()),
            (
                "x-keysat-signature",
                "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
                    .to_owned()
            ),
        ]
    );
}

#[test]
fn two_secrets_sign_during_a_rotation_and_a_key_beside_them() {
    let stamps = stamps();
    let key = EndpointSigningKey::generate(&stamps);
    let [new, old] = [(); 2].map(|()| EndpointSecret::generate(&stamps));
    assert_ne!(new, old);
    let rotated = DeliveryKeys {
        secret: new.clone(),
        old_secret: Some(old.clone()),
        signing_key: Some(key.clone()),
    };
    let of = |keys: &DeliveryKeys, format| keys.headers(format, IDS, "{}").unwrap();
    let all = of(&rotated, WebhookFormat::Standard)[2].1.clone();
    let parts: Vec<&str> = all.split(' ').collect();
    let alone = |secret: &EndpointSecret| keys(secret.expose());
    assert_eq!(parts[0], of(&alone(&new), WebhookFormat::Standard)[2].1);
    assert_eq!(parts[1], of(&alone(&old), WebhookFormat::Standard)[2].1);
    let signature = BASE64
        .decode(parts[2].strip_prefix("v1a,").unwrap().as_bytes())
        .unwrap();
    let public = key.public_text();
    let public = BASE64
        .decode(public.strip_prefix("whpk_").unwrap().as_bytes())
        .unwrap();
    let public = ed25519_compact::PublicKey::from_slice(&public).unwrap();
    let signature = ed25519_compact::Signature::from_slice(&signature).unwrap();
    let signed = format!("{}.{}.{{}}", IDS.event_id, IDS.attempt_at);
    assert!(public.verify(signed.as_bytes(), &signature).is_ok());
    let keysat = of(&rotated, WebhookFormat::Keysat);
    assert_eq!(keysat[2], of(&alone(&new), WebhookFormat::Keysat)[2]);
    assert_eq!(keysat[3].0, "x-keysat-signature-previous");
    assert_eq!(keysat[3].1, of(&alone(&old), WebhookFormat::Keysat)[2].1);
}

#[test]
fn a_secret_of_ones_own_is_random_text_of_the_formats_form() {
    let standard = |text: &str| EndpointSecret::parse(text, WebhookFormat::Standard).map(drop);
    let keysat = |text: &str| EndpointSecret::parse(text, WebhookFormat::Keysat).map(drop);
    let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    assert_eq!((standard(good), keysat(good)), (Ok(()), Ok(())));
    let hex = "8f14e45fceea167a5a36dedd4bea2543";
    assert_eq!(standard(hex), Err(SecretError::NotStandard));
    assert_eq!(keysat(hex), Ok(()));
    for (text, error) in [
        ("", SecretError::NotStandard),
        ("whsec_", SecretError::NotStandard),
        ("whsec_c2hvcnQ=", SecretError::NotStandard),
        (
            "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            SecretError::NotStandard,
        ),
        (
            "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            SecretError::Weak,
        ),
    ] {
        assert_eq!(standard(text), Err(error), "{text}");
    }
    for text in [
        "short",
        "with a space in the middle of it",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
    ] {
        assert_eq!(keysat(text), Err(SecretError::NotPrintable), "{text}");
    }
    assert!(!EndpointSecret(hex.to_owned()).fits(WebhookFormat::Standard));
}

#[test]
fn secrets_open_for_their_endpoint_and_use_only() {
    let stamps = stamps();
    let key = BASE64.encode(&stamps.random::<32>());
    let vault = WebhookVault::configured(&Config::new([(name::WEBHOOK_KEY, key)])).unwrap();
    let secret = EndpointSecret::generate(&stamps);
    let sealed = vault.seal(&stamps, "e1", &secret).unwrap();
    assert_eq!(vault.open("e1", &sealed), Some(secret));
    assert_eq!(vault.open("e2", &sealed), None);
    assert!(vault.open_signing_key("e1", &sealed).is_none());
    let key = EndpointSigningKey::generate(&stamps);
    let sealed = vault.seal_signing_key(&stamps, "e1", &key).unwrap();
    let opened = vault.open_signing_key("e1", &sealed).unwrap();
    assert_eq!(opened.public_text(), key.public_text());
}
