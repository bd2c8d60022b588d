//! The signature of a webhook body: what `BTCPay` puts into `BTCPay-Sig`.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of the `BTCPay-Sig` header for these exact bytes:
/// `sha256=` and the lower-case hex of HMAC-SHA256, keyed with the UTF-8 bytes
/// of the secret as it was given (no decoding of any kind).
///
/// ```
/// let body = b"{\n  \"type\": \"InvoiceSettled\",\n  \"invoiceId\": \"abc\"\n}";
/// assert_eq!(
///     keywright_btcpay_double::sign("webhook-test-secret", body),
///     "sha256=3d83184fbe476fb5814892e99ec74c7bdec9359dbbb8a1034ffe79fc1bc46286",
/// );
/// ```
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret.as_bytes())
        .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    mac.update(body);
    format!("sha256={}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}
