//! `BTCPay`'s webhook: `BTCPay-Sig: sha256=<hex>`, HMAC-SHA256 over the raw
//! body with the secret's UTF-8 bytes. The body is indented JSON, so it must
//! never be re-serialised before the check. A signature carries no time: a
//! replay is harmless only because the invoice is read back from the API.

use super::answer::Metadata;
use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;

/// The secret of the store's webhook.
#[derive(Clone)]
pub struct WebhookSecret(String);

/// Why a signature was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no header.
    #[error("the header BTCPay-Sig is missing")]
    Missing,
    /// It is not `sha256=` and 64 hex digits.
    #[error("the header BTCPay-Sig is not sha256=<64 hex digits>")]
    Malformed,
    /// It is for another body or made with another secret.
    #[error("the header BTCPay-Sig does not fit this body and the configured secret")]
    Wrong,
}

/// What a delivery tells: only which invoice to look at. Nothing in it is
/// believed before the API confirms it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Such as `InvoiceSettled`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The store; empty where it is not a text.
    #[serde(default, deserialize_with = "text")]
    pub store_id: String,
    /// The invoice, where the event is about one; empty where it is not a text.
    #[serde(default, deserialize_with = "text")]
    pub invoice_id: String,
    /// What we gave the invoice.
    #[serde(default)]
    metadata: Metadata,
}

/// A text; anything else is empty, because no invoice of ours has it.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

impl Delivery {
    /// The invoice to read back, for events that can change a purchase.
    #[must_use]
    pub fn concerns(&self) -> Option<&str> {
        let acts = matches!(
            self.event_type.as_str(),
            "InvoiceSettled"
                | "InvoicePaymentSettled"
                | "InvoiceExpired"
                | "InvoiceExpiredPaidPartial"
                | "InvoiceInvalid"
                | "InvoicePaidAfterExpiration"
                | "InvoiceProcessing"
                | "InvoiceReceivedPayment"
        );
        Some(self.invoice_id.as_str()).filter(|id| acts && !id.is_empty())
    }

    /// Our invoice id, as the delivery claims.
    #[must_use]
    pub fn order_id(&self) -> Option<&str> {
        self.metadata.order_id.as_deref()
    }
}

impl WebhookSecret {
    /// The secret exactly as `BTCPay` shows it; `None` when empty.
    #[must_use]
    pub fn new(secret: &str) -> Option<Self> {
        (!secret.is_empty()).then(|| Self(secret.to_owned()))
    }

    /// Checks the header against the raw body, in constant time.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn check(&self, header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
        let hex = header
            .ok_or(SignatureError::Missing)?
            .strip_prefix("sha256=")
            .filter(|hex| hex.len() == 64)
            .ok_or(SignatureError::Malformed)?;
        let signature = HEXLOWER_PERMISSIVE
            .decode(hex.as_bytes())
            .map_err(|_| SignatureError::Malformed)?;
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).map_err(|_| SignatureError::Wrong)?;
        mac.update(body);
        mac.verify_slice(&signature)
            .map_err(|_| SignatureError::Wrong)
    }
}

/// Reads the body of a delivery whose signature was accepted.
///
/// # Errors
/// [`serde_json::Error`] when it is no JSON object with a type.
pub fn read_delivery(body: &[u8]) -> Result<Delivery, serde_json::Error> {
    serde_json::from_slice(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "{\n  \"type\": \"InvoiceSettled\",\n  \"invoiceId\": \"abc\"\n}";
    const SIGNATURE: &str =
        "sha256=3d83184fbe476fb5814892e99ec74c7bdec9359dbbb8a1034ffe79fc1bc46286";

    fn check(secret: &str, header: Option<&str>, body: &str) -> Result<(), SignatureError> {
        WebhookSecret::new(secret)
            .expect("a secret")
            .check(header, body.as_bytes())
    }

    #[test]
    fn the_published_value_is_accepted_and_nothing_else() {
        let secret = "webhook-test-secret";
        assert_eq!(check(secret, Some(SIGNATURE), BODY), Ok(()));
        assert_eq!(check(secret, None, BODY), Err(SignatureError::Missing));
        assert_eq!(
            check("other", Some(SIGNATURE), BODY),
            Err(SignatureError::Wrong)
        );
        let compact = r#"{"type":"InvoiceSettled","invoiceId":"abc"}"#;
        assert_eq!(
            check(secret, Some(SIGNATURE), compact),
            Err(SignatureError::Wrong)
        );
        let bare = SIGNATURE.trim_start_matches("sha256=");
        for header in [
            "",
            "sha256=",
            bare,
            "sha1=00",
            &format!("{SIGNATURE}00"),
            "sha256=zz",
        ] {
            assert_eq!(
                check(secret, Some(header), BODY),
                Err(SignatureError::Malformed)
            );
        }
        assert!(WebhookSecret::new("").is_none());
    }

    #[test]
    fn only_events_about_payment_act() {
        let delivery = read_delivery(BODY.as_bytes()).expect("a delivery");
        assert_eq!(delivery.concerns(), Some("abc"));
        let created = br#"{"type":"InvoiceCreated","invoiceId":"abc"}"#;
        assert_eq!(read_delivery(created).expect("a delivery").concerns(), None);
        // Invoices of other programs in the same store, and what they say of them.
        for (other, order_id) in [
            (r#""metadata":{"orderId":167}"#, None),
            (r#""metadata":{"orderId":null}"#, None),
            (r#""metadata":{"orderId":{"id":"o"}}"#, None),
            (r#""metadata":{"orderId":"o","itemDesc":7}"#, Some("o")),
            (r#""metadata":[1,2]"#, None),
            (r#""metadata":"none""#, None),
            (r#""metadata":null"#, None),
            (r#""storeId":7"#, None),
        ] {
            let event = format!(r#"{{"type":"InvoiceSettled","invoiceId":"abc",{other}}}"#);
            let delivery = read_delivery(event.as_bytes()).expect(other);
            assert_eq!(delivery.concerns(), Some("abc"), "{other}");
            assert_eq!(delivery.order_id(), order_id, "{other}");
        }
        for without in [r#""invoiceId":167"#, r#""invoiceId":null"#, r#""other":1"#] {
            let event = format!(r#"{{"type":"InvoiceSettled",{without}}}"#);
            let delivery = read_delivery(event.as_bytes()).expect(without);
            assert_eq!(delivery.concerns(), None, "{without}");
        }
        assert!(read_delivery(b"[]").is_err());
        assert!(read_delivery(br#"{"invoiceId":"abc"}"#).is_err());
    }
}
