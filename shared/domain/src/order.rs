//! The two names of an order. Its id is public: payment providers, lists, audit
//! entries and support use it, and it opens nothing. Its secret opens the license
//! key, and only the buyer has it.

use crate::entitlement::ReceiptKind;
use crate::pasted::Pasted;
use crate::rail::ProviderKind;
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Random bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// How a secret begins, so that people and scanners tell it from an order's id.
const PREFIX: &str = "os_";

/// Characters of a secret.
const SECRET_CHARS: usize = 46;
/// Characters of an order's id.
const UUID_CHARS: usize = 36;
/// The shortest text that is taken for an id which lost some characters.
const MIN_CUT: usize = 8;

/// Longest text that opens an order, in bytes: a secret has 46, and an id, which
/// opens an order from before there were secrets, 36.
const MAX_BYTES: usize = 64;

/// Who takes the payment of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderProvider {
    /// A `BTCPay` Server.
    Btcpay,
    /// Zaprite.
    Zaprite,
    /// The vendor's own wallet, in USDC on Polygon.
    Polygon,
    /// Nobody: there is nothing to pay.
    Free,
    /// A provider that a newer version of this software recorded.
    #[serde(other)]
    Unknown,
}

impl OrderProvider {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Btcpay => "btcpay",
            Self::Zaprite => "zaprite",
            Self::Polygon => "polygon",
            Self::Free => "free",
            Self::Unknown => "unknown",
        }
    }

    /// What the receipt of such an order is a proof of.
    #[must_use]
    pub const fn receipt_kind(self) -> ReceiptKind {
        match self {
            Self::Btcpay => ReceiptKind::Btcpay,
            Self::Zaprite => ReceiptKind::Zaprite,
            Self::Polygon => ReceiptKind::Polygon,
            Self::Free => ReceiptKind::Free,
            Self::Unknown => ReceiptKind::Unknown,
        }
    }

    /// The name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Btcpay => ProviderKind::Btcpay.label(),
            Self::Zaprite => ProviderKind::Zaprite.label(),
            Self::Polygon => "Polygon",
            Self::Free | Self::Unknown => self.as_str(),
        }
    }
}

impl From<ProviderKind> for OrderProvider {
    fn from(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::Btcpay => Self::Btcpay,
            ProviderKind::Zaprite => Self::Zaprite,
        }
    }
}

/// Bearer secret of an order: anyone who has it can fetch the license key. It does
/// not print.
#[derive(Clone, PartialEq, Eq)]
pub struct OrderSecret(String);

impl OrderSecret {
    /// The secret of these random bytes: `os_` and 43 characters of base64url.
    #[must_use]
    pub fn from_random(random: [u8; SECRET_BYTES]) -> Self {
        Self(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&random)))
    }

    /// The text, for the buyer.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash that is recorded instead of it.
    #[must_use]
    pub fn hash(&self) -> String {
        hash(&self.0)
    }
}

/// The two names of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderIdentity {
    /// `UUIDv7`; also the order id that a payment provider is given. Public.
    pub id: String,
    /// Opens the license key. Only its hash is recorded.
    pub secret: OrderSecret,
}

impl fmt::Debug for OrderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderSecret(..)")
    }
}

/// The text that opens an order: its secret, or the id of an order from before there were
/// secrets. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct OrderOpener {
    text: String,
    hash: String,
}

impl OrderOpener {
    /// Reads the text as people paste it. `None` for text that cannot open an order.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = Pasted::new(text).id()?;
        let fits = text.len() <= MAX_BYTES
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        fits.then(|| Self {
            hash: hash(&text),
            text,
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The hash that is recorded of a secret: SHA-256 in lower-case hex.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

/// What probably happened to an order's secret or id, as the end of a message; empty for a
/// whole one and for other text. It depends on the text alone.
#[must_use]
pub fn likely_cause(text: &str) -> &'static str {
    let Some(text) = Pasted::new(text).id() else {
        return "; the order number is missing";
    };
    let (whole, is_secret) = if text.starts_with(PREFIX) {
        (SECRET_CHARS, true)
    } else {
        (UUID_CHARS, false)
    };
    let is_hex = |b: u8| b.is_ascii_hexdigit() || b == b'-';
    if is_secret && text.matches(PREFIX).count() > 1 {
        "; the order number was pasted more than once"
    } else if !is_secret && (text.len() < MIN_CUT || !text.bytes().all(is_hex)) {
        ""
    } else if text.len() < whole {
        "; part of the order number is missing"
    } else if text.len() > whole {
        "; something follows the end of the order number"
    } else {
        ""
    }
}

impl fmt::Debug for OrderOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderOpener(..)")
    }
}

fn hash(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_secret_has_256_random_bits_and_fits_a_path() {
        let secret = OrderSecret::from_random([0xff; SECRET_BYTES]);
        assert_eq!(secret.as_str(), format!("os_{}8", "_".repeat(42)));
        let digest = Sha256::digest(secret.as_str());
        assert_eq!(secret.hash(), HEXLOWER.encode(&digest));
        let opener = OrderOpener::parse(secret.as_str()).expect("an opener");
        assert_eq!(opener.hash(), secret.hash());
    }

    #[test]
    fn secrets_do_not_print() {
        let secret = OrderSecret::from_random([7; SECRET_BYTES]);
        let opener = OrderOpener::parse(secret.as_str()).expect("an opener");
        for printed in [format!("{secret:?}"), format!("{opener:?}")] {
            assert!(!printed.contains("os_"), "{printed}");
        }
    }

    #[test]
    fn an_id_of_before_and_pasted_spaces_are_read() {
        let id = "0199a8b2-0000-7000-8000-000000000000";
        let opener = OrderOpener::parse(&format!(" {id}\n")).expect("an opener");
        assert_eq!(opener.as_str(), id);
        for bad in ["", "  ", "a/b", "a\0", "é", "%", &"a".repeat(65)] {
            assert_eq!(OrderOpener::parse(bad), None, "{bad:?}");
        }
        let secret = OrderSecret::from_random([7; SECRET_BYTES]);
        let (start, end) = secret.as_str().split_at(20);
        for pasted in [
            format!("{start}\r\n{end}"),
            format!("Order: \u{200b}{start} {end}."),
            format!("“{start}\u{ad}{end}”"),
        ] {
            let opener = OrderOpener::parse(&pasted).expect(&pasted);
            assert_eq!(opener.as_str(), secret.as_str());
        }
    }

    #[test]
    fn a_text_that_opens_no_order_is_explained() {
        let secret = OrderSecret::from_random([7; SECRET_BYTES]);
        let secret = secret.as_str();
        let id = "0199a8b2-0000-7000-8000-000000000000";
        for (text, cause) in [
            ("", "; the order number is missing"),
            (&secret[..40], "; part of the order number is missing"),
            (
                &secret.repeat(2),
                "; the order number was pasted more than once",
            ),
            (
                &format!("{secret}x"),
                "; something follows the end of the order number",
            ),
            (&id[..30], "; part of the order number is missing"),
            (
                &format!("{id}0"),
                "; something follows the end of the order number",
            ),
            ("hello", ""),
            (secret, ""),
            (id, ""),
        ] {
            assert_eq!(likely_cause(text), cause, "{text}");
        }
    }

    proptest! {
        #[test]
        fn two_secrets_differ_in_text_and_hash(a: [u8; SECRET_BYTES], b: [u8; SECRET_BYTES]) {
            let (one, other) = (OrderSecret::from_random(a), OrderSecret::from_random(b));
            prop_assert_eq!(one.as_str() == other.as_str(), a == b);
            prop_assert_eq!(one.hash() == other.hash(), a == b);
        }

        #[test]
        fn nothing_breaks_the_reader(text in ".*") {
            let _ = OrderOpener::parse(&text);
        }
    }
}
