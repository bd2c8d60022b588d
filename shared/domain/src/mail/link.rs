//! The link of a mail: anyone who has it can see the licenses that the mail is about. Only
//! its digest is recorded; the link itself is derived when the mail is sent.

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use std::fmt;

/// How the secret of a link begins, so that people and scanners can tell what it is.
const PREFIX: &str = "ml_";

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// The secret of a link: `ml_` and 43 characters of base64url. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct MailLink(String);

impl MailLink {
    /// The link of these secret bytes.
    #[must_use]
    pub fn from_bytes(secret: [u8; SECRET_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&secret)))
    }

    /// Reads the secret from a path; `None` for text that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(PREFIX)?;
        let bytes = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
        let bytes: [u8; SECRET_BYTES] = bytes.try_into().ok()?;
        Some(Self::from_bytes(bytes))
    }

    /// The secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is recorded of it: SHA-256 in lower-case hex.
    #[must_use]
    pub fn digest(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(&self.0))
    }

    /// The address for a mail. `public_url` is configuration, never what a request says.
    #[must_use]
    pub fn url(&self, public_url: &str) -> String {
        format!("{public_url}/recover/mail/{}", self.0)
    }
}

impl fmt::Debug for MailLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailLink(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_back_and_does_not_print() {
        let link = MailLink::from_bytes([0xff; SECRET_BYTES]);
        assert_eq!(link.as_str().len(), 46);
        assert_eq!(MailLink::parse(link.as_str()), Some(link.clone()));
        assert!(!format!("{link:?}").contains("ml_"));
        let url = link.url("https://shop.example");
        assert!(url.starts_with("https://shop.example/recover/mail/ml_"));
        assert_eq!(link.digest().len(), 64);
        let longer = format!("{}A", link.as_str());
        for bad in ["", "ml_", "os_abc", &link.as_str()[..45], &longer, "ml_é"] {
            assert_eq!(MailLink::parse(bad), None, "{bad}");
        }
    }
}
