//! Sealing what is stored: a copy of the database does not hold it.
//!
//! Answers kept for `Idempotency-Key` are sealed with a key made of the caller's
//! own credential, key and body, none of which is stored; credentials of payment
//! providers with a configured one ([`crate::vault`]).

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

/// Bytes of a nonce. It may be random: with one key no 2^32 texts are sealed.
pub const NONCE_BYTES: usize = 12;

/// Hashes parts so that no two lists of parts look alike.
#[must_use]
pub fn digest(purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Seals a text (ChaCha20-Poly1305, RFC 8439), in base64. It opens only where
/// the same `aad` is said of it.
#[must_use]
pub fn seal(key: [u8; 32], nonce: [u8; NONCE_BYTES], text: &[u8], aad: &[u8]) -> Option<String> {
    let cipher = ChaCha20Poly1305::new(&Key::from(key));
    let payload = Payload { msg: text, aad };
    let sealed = cipher.encrypt(&Nonce::from(nonce), payload).ok()?;
    Some(BASE64.encode(&[&nonce[..], &sealed].concat()))
}

/// Opens what [`seal`] made; `None` for another key, a changed text, or when
/// something else is said of it.
#[must_use]
pub fn open(key: [u8; 32], sealed: &str, aad: &[u8]) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(sealed.as_bytes()).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    let cipher = ChaCha20Poly1305::new(&Key::from(key));
    let payload = Payload { msg: sealed, aad };
    cipher.decrypt(&Nonce::from(*nonce), payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens_and_nothing_may_change() {
        let sealed = seal([1; 32], [2; 12], b"LIC1-secret", b"").expect("sealed");
        assert!(!sealed.contains("LIC1"));
        let opened = open([1; 32], &sealed, b"");
        assert_eq!(opened.as_deref(), Some(&b"LIC1-secret"[..]));
        assert_eq!(open([3; 32], &sealed, b""), None);
        assert_eq!(open([1; 32], &sealed, b"of another"), None);
        let mut changed = BASE64.decode(sealed.as_bytes()).expect("base64");
        changed[14] ^= 1;
        assert_eq!(open([1; 32], &BASE64.encode(&changed), b""), None);
        assert_eq!(open([1; 32], "AAAA", b""), None);
        assert_eq!(open([1; 32], "!", b""), None);
    }

    #[test]
    fn parts_are_told_apart() {
        assert_ne!(digest("a", &[b"bc", b"d"]), digest("a", &[b"b", b"cd"]));
        assert_ne!(digest("a", &[b"b"]), digest("ab", &[]));
        assert_ne!(digest("a", &[b"b", b""]), digest("a", &[b"b"]));
    }
}
