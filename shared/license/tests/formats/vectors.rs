//! The public vectors of `tests/vectors`, and keys that the tests mint with.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use keywright_license::{NewLicense, SigningKey, Uuid, VerifyKeys};
use serde_json::Value;

/// The names of the license vectors.
pub(crate) const LICENSES: [&str; 3] = ["v1", "v2", "v2_perpetual_unbound"];

pub(crate) fn lic1() -> Value {
    serde_json::from_str(include_str!("../vectors/lic1.json")).unwrap()
}

pub(crate) fn tokens() -> Value {
    serde_json::from_str(include_str!("../vectors/token.json")).unwrap()
}

pub(crate) fn links() -> Value {
    serde_json::from_str(include_str!("../vectors/link.json")).unwrap()
}

pub(crate) fn ed25519() -> Value {
    serde_json::from_str(include_str!("../vectors/ed25519.json")).unwrap()
}

/// A member that must be a string.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("no string `{member}` in {value}"))
}

pub(crate) fn hex(value: &Value, member: &str) -> Vec<u8> {
    HEXLOWER.decode(text(value, member).as_bytes()).unwrap()
}

pub(crate) fn hex_array<const N: usize>(value: &Value, member: &str) -> [u8; N] {
    hex(value, member).try_into().unwrap()
}

/// One of the license vectors: its key text.
pub(crate) fn license(name: &str) -> String {
    text(&lic1()[name], "licenseKey").to_owned()
}

/// The public key of the license vectors.
pub(crate) fn license_keys() -> VerifyKeys {
    text(&lic1(), "publicKeyPem").parse().unwrap()
}

/// A signing key of the tests' own.
pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap()
}

/// The keys that trust [`signing_key`] only.
pub(crate) fn verify_keys() -> VerifyKeys {
    VerifyKeys::new([signing_key().public_key()]).unwrap()
}

pub(crate) fn new_license() -> NewLicense {
    NewLicense {
        product_id: Uuid::from_u128(0x6f46_a4f6_0d2f_4a28_b6aa_3e8f_bf6f_28f0),
        license_id: Uuid::from_u128(0x0193_52f1_7c00_7000_8000_0000_0000_0001),
        issued_at: 1_800_000_000,
        expires_at: Some(1_900_000_000),
        trial: false,
        fingerprint_hash: None,
        entitlements: vec!["pro".to_owned(), "multi-device".to_owned()],
    }
}

/// Takes a key text apart into payload and signature bytes.
pub(crate) fn decode_key(text: &str) -> (Vec<u8>, Vec<u8>) {
    let mut parts = text.split('-').skip(1);
    let mut next = || {
        BASE32_NOPAD
            .decode(parts.next().unwrap().as_bytes())
            .unwrap()
    };
    (next(), next())
}

/// Puts a key text together from any bytes.
pub(crate) fn encode_key(payload: &[u8], signature: &[u8]) -> String {
    format!(
        "LIC1-{}-{}",
        BASE32_NOPAD.encode(payload),
        BASE32_NOPAD.encode(signature)
    )
}

/// A key over any payload with a good signature by [`signing_key`], made by the
/// other Ed25519 library: the crate itself signs no arbitrary bytes.
pub(crate) fn signed_key(payload: &[u8]) -> String {
    encode_key(payload, &sign(payload))
}

/// Signs any bytes with the seed of [`signing_key`].
pub(crate) fn sign(message: &[u8]) -> [u8; 64] {
    use ed25519_dalek::Signer;
    ed25519_dalek::SigningKey::from_bytes(&[7; 32])
        .sign(message)
        .to_bytes()
}
