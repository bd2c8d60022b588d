//! The token in a buyer's link to a subscription.

use data_encoding::BASE64URL_NOPAD;
use std::fmt;

/// 128 random bits in base64url. Whoever has it sees where the subscription stands and can pay
/// for it; it opens no key and cancels nothing, so it is recorded as it is and may stand in a
/// mail.
#[derive(Clone, PartialEq, Eq)]
pub struct PayToken(String);

impl PayToken {
    /// Characters of a token.
    pub const CHARS: usize = 22;

    /// A new one.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(BASE64URL_NOPAD.encode(&random))
    }

    /// Reads one; `None` for text that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        (bytes.len() == 16).then(|| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of the page that it opens. It stands behind `#`, which no server is sent.
    #[must_use]
    pub fn page(&self, public_url: &str) -> String {
        format!("{public_url}/subscription#{}", self.0)
    }
}

impl fmt::Debug for PayToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_as_itself() {
        let token = PayToken::from_random([7; 16]);
        assert_eq!(token.as_str().len(), PayToken::CHARS);
        assert_eq!(PayToken::parse(token.as_str()), Some(token.clone()));
        assert_eq!(
            token.page("https://shop.example"),
            format!("https://shop.example/subscription#{}", token.as_str())
        );
        for bad in [
            "",
            "a",
            "AAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAA!",
            "AAAAAAAAAAAAAAAAAAAAAB",
        ] {
            assert_eq!(PayToken::parse(bad), None, "{bad}");
        }
    }
}
