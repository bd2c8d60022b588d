//! The token of a scoped key: `ks_` and 43 characters of base64url, which are
//! 32 random bytes (Keysat contract, scoped keys).

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};

const PREFIX: &str = "ks_";

/// Random bytes in a token.
pub(crate) const BYTES: usize = 32;

/// A token of the right form. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// The token of these random bytes.
    pub(crate) fn new(random: [u8; BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&random)))
    }

    /// Reads a token; `None` when no key can have it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let random = BASE64URL_NOPAD
            .decode(text.strip_prefix(PREFIX)?.as_bytes())
            .ok()?;
        (random.len() == BYTES).then(|| Self(text.to_owned()))
    }

    /// What is stored instead of it: SHA-256 in lower-case hex.
    pub(crate) fn hash(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(&self.0))
    }

    /// The text, to show it once.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_form_of_the_contract() {
        let text = Token::new([0xff; BYTES]).into_text();
        assert_eq!(text.len(), 3 + 43);
        assert_eq!(text, format!("ks_{}8", "_".repeat(42)));
        assert!(Token::parse(&text).is_some());
    }

    #[test]
    fn the_hash_is_of_the_whole_text() {
        let token = Token::new([0; BYTES]);
        let digest = Sha256::digest(format!("ks_{}", "A".repeat(43)));
        assert_eq!(token.hash(), HEXLOWER.encode(&digest));
        assert_eq!(token.hash().len(), 64);
    }

    #[test]
    fn what_no_key_can_have_is_refused() {
        let a = |count| "A".repeat(count);
        for text in [
            String::new(),
            "ks_".to_owned(),
            format!("ks_{}", a(42)),
            format!("ks_{}", a(44)),
            format!("KS_{}", a(43)),
            a(46),
            format!("ks_{}=", a(43)),
            format!("ks_{}+", a(42)),
            format!("ks_{}/", a(42)),
            // Bits after the last byte that are not zero.
            format!("ks_{}B", a(42)),
            format!(" ks_{}", a(43)),
            format!("ks_{}\u{e9}", a(41)),
        ] {
            assert!(Token::parse(&text).is_none(), "{text:?}");
        }
    }
}
