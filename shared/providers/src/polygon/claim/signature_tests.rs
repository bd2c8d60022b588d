use super::*;
use crate::polygon::PublicKey;
use k256::ecdsa::SigningKey;
use proptest::prelude::*;

/// The first account of the words `test` eleven times and `junk`.
const SECRET: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ACCOUNT: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

fn key() -> SigningKey {
    let secret: [u8; 32] = hex::fixed(SECRET).expect("32 bytes");
    SigningKey::from_slice(&secret).expect("a key")
}

/// Signs as a wallet does; the last byte is 27 or 28.
fn signed(key: &SigningKey, message: &str) -> Vec<u8> {
    let (signature, recovery) = key.sign_prehash_recoverable(&digest(message));
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + recovery.to_byte());
    bytes
}

fn signature(bytes: &[u8]) -> Signature {
    hex::encode(bytes).parse().expect("a signature")
}

#[test]
fn the_digest_is_that_of_a_personal_message() {
    // `hashMessage("Hello World")` of the common wallet libraries.
    assert_eq!(
        hex::encode(&digest("Hello World")),
        "0xa1de988600a42c4b4ab089b619297c17d53cffae5d5120d82d8a92d0bb3b78f2"
    );
    assert_ne!(digest("ü"), digest("u"));
}

#[test]
fn a_signature_of_a_known_wallet_gives_its_account() {
    // The example of web3.js for `eth.accounts.sign("Some data", …)`.
    let signature: Signature = "0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
        .parse()
        .expect("a signature");
    let account = signature.signer("Some data").expect("an account");
    assert_eq!(
        account.to_string(),
        "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
    );
}

#[test]
fn a_signature_gives_the_account_that_made_it_in_either_form() {
    let bytes = signed(&key(), "hello");
    for last in [bytes[64], bytes[64] - 27] {
        let mut bytes = bytes.clone();
        bytes[64] = last;
        let account = signature(&bytes).signer("hello").expect("an account");
        assert_eq!(account.to_string(), ACCOUNT);
        let other = signature(&bytes).signer("hello!").expect("an account");
        assert_ne!(other.to_string(), ACCOUNT);
    }
    let public = key().verifying_key().to_sec1_point(true);
    let compressed: [u8; 33] = public.as_bytes().try_into().expect("33 bytes");
    let public = PublicKey::from_compressed(&compressed).expect("a key");
    assert_eq!(public.address().to_string(), ACCOUNT);
    assert_eq!(public.to_compressed(), compressed);
}

/// The order of the curve (SEC 2).
const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

/// The other form of a signature, worth the same: the order less the second
/// number, and the other key.
fn other_form(bytes: &[u8]) -> Vec<u8> {
    let order: [u8; 32] = hex::fixed(ORDER).expect("32 bytes");
    let mut other = bytes.to_vec();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(bytes[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        other[32 + at] = u8::try_from(difference.rem_euclid(256)).expect("a byte");
    }
    other[64] = if bytes[64] == 27 { 28 } else { 27 };
    other
}

#[test]
fn the_other_form_of_a_signature_is_refused() {
    let bytes = signed(&key(), "hello");
    let other = other_form(&bytes);
    assert_eq!(other_form(&other), bytes);
    assert_eq!(
        signature(&other).signer("hello"),
        Err(SignatureError::HighS)
    );
}

#[test]
fn what_is_no_signature_of_an_account_is_refused_with_the_reason() {
    let bytes = signed(&key(), "hello");
    for last in [2, 3, 26, 29, 35, 255] {
        let mut bytes = bytes.clone();
        bytes[64] = last;
        let refused = signature(&bytes).signer("hello");
        assert_eq!(refused, Err(SignatureError::Recovery), "{last}");
    }
    for length in [1, 64, 66, 130] {
        let refused = signature(&vec![1; length]).signer("hello");
        assert_eq!(refused, Err(SignatureError::Length), "{length}");
    }
    let order: [u8; 32] = hex::fixed(ORDER).expect("32 bytes");
    for (r, s) in [
        ([0; 32], [1; 32]),
        ([1; 32], [0; 32]),
        (order, [1; 32]),
        ([1; 32], order),
    ] {
        let bytes = [&r[..], &s[..], &[27]].concat();
        let refused = signature(&bytes).signer("hello");
        assert_eq!(refused, Err(SignatureError::Impossible));
    }
    for text in [
        "",
        "0x",
        "0xa",
        "ab",
        "0xzz",
        &format!("0x{}", "00".repeat(MAX_SIGNATURE_BYTES + 1)),
    ] {
        let refused = text.parse::<Signature>();
        assert_eq!(refused, Err(SignatureError::Form), "{}", text.len());
    }
    let longest = format!("0x{}", "00".repeat(MAX_SIGNATURE_BYTES));
    assert!(longest.parse::<Signature>().is_ok());
}

proptest! {
    #[test]
    fn every_account_is_recovered_and_its_other_form_refused(secret: [u8; 32], message: String) {
        let Ok(key) = SigningKey::from_slice(&secret) else { return Ok(()) };
        let bytes = signed(&key, &message);
        let public = key.verifying_key().to_sec1_point(true);
        let public = PublicKey::from_compressed(public.as_bytes().try_into().expect("33 bytes"));
        let account = public.expect("a key").address();
        prop_assert_eq!(signature(&bytes).signer(&message), Ok(account));
        prop_assert_eq!(signature(&other_form(&bytes)).signer(&message), Err(SignatureError::HighS));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 1..70), message: String) {
        let _ = signature(&bytes).signer(&message);
    }
}
