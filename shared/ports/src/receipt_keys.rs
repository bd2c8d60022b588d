//! Seals of receipts: what shows that a receipt was written by a function that
//! may settle, and not by somebody else with a way into the database.
//!
//! A seal is an HMAC-SHA256 over every member of a receipt and over the id of the
//! license that it entitles. The terms of the license are not covered: an operator
//! changes them, and so can anyone who writes the database.

use crate::{Config, name};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use keywright_domain::entitlement::SealState;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// Says what the key is used for, and in which layout of members.
const SEAL_LABEL: &str = "keywright receipt seal 1";
/// Says that the key names itself.
const KEY_ID_LABEL: &str = "keywright receipt key id 1";
/// Says that the text is a digest and no seal.
const DIGEST_LABEL: &str = "keywright receipt digest 1";
/// What a seal of this layout begins with.
const VERSION: &str = "v1.";
/// Bytes of a key's id.
const KEY_ID_BYTES: usize = 8;

/// The keys that seal receipts, newest first. They do not print.
#[derive(Clone)]
pub struct ReceiptKeys {
    newest: Arc<Key>,
    older: Arc<[Key]>,
}

struct Key {
    id: String,
    bytes: [u8; 32],
}

/// Why no receipt can be sealed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReceiptKeys {
    /// No key is configured.
    #[error("RECEIPT_KEYS is not configured; make a key with: openssl rand -base64 32")]
    Missing,
    /// One of the keys is not usable.
    #[error(
        "RECEIPT_KEYS must be keys of 32 random bytes in base64 each, separated by commas; make one with: openssl rand -base64 32"
    )]
    Malformed,
}

/// Every member of a receipt, and the license that it entitles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptFacts<'a> {
    /// `UUIDv7`.
    pub id: &'a str,
    /// Who took the payment, such as `btcpay`.
    pub kind: &'a str,
    /// What they call it.
    pub external_ref: &'a str,
    /// The order that was paid; `None` for an operator's grant.
    pub invoice_id: Option<&'a str>,
    /// The product that it is for.
    pub product_id: &'a str,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// The currency.
    pub currency: &'a str,
    /// Unix seconds.
    pub received_at: i64,
    /// The license that it entitles.
    pub license_id: &'a str,
}

/// A seal as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// Which key made it: 16 hex digits that give nothing of the key away.
    pub key_id: String,
    /// `v1.` and the HMAC in base64url.
    pub mac: String,
}

impl ReceiptKeys {
    /// The configured keys: 32 bytes in base64 each, separated by commas.
    ///
    /// # Errors
    /// [`NoReceiptKeys`]: one that cannot be used spoils all, so that a slip in a
    /// rotation is noticed at once.
    pub fn configured(config: &Config) -> Result<Self, NoReceiptKeys> {
        let text = config
            .get(name::RECEIPT_KEYS)
            .ok_or(NoReceiptKeys::Missing)?;
        let mut keys = text.split(',').map(Key::read);
        let newest = keys.next().ok_or(NoReceiptKeys::Missing)??;
        let older: Result<Vec<Key>, _> = keys.collect();
        Ok(Self {
            newest: Arc::new(newest),
            older: older?.into(),
        })
    }

    /// Seals a receipt with the newest key.
    #[must_use]
    pub fn seal(&self, receipt: &ReceiptFacts<'_>) -> Seal {
        let mac = self.newest.mac(receipt).finalize().into_bytes();
        Seal {
            key_id: self.newest.id.clone(),
            mac: format!("{VERSION}{}", BASE64URL_NOPAD.encode(&mac)),
        }
    }

    /// The state of these seals of a receipt.
    #[must_use]
    pub fn check(&self, receipt: &ReceiptFacts<'_>, seals: &[Seal]) -> SealState {
        let is_good = |key: &Key| seals.iter().any(|seal| key.made(seal, receipt));
        let is_known = |seal: &Seal| self.has(&seal.key_id);
        if is_good(&self.newest) {
            SealState::Sealed
        } else if self.older.iter().any(is_good) {
            SealState::SealedByOlderKey
        } else if seals.iter().any(is_known) {
            SealState::Broken
        } else if seals.is_empty() {
            SealState::Unsealed
        } else {
            SealState::UnknownKey
        }
    }

    /// True if one of the keys has this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        let mut keys = std::iter::once(&*self.newest).chain(self.older.iter());
        keys.any(|key| key.id == id)
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn newest_id(&self) -> &str {
        &self.newest.id
    }
}

impl fmt::Debug for ReceiptKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptKeys(..)")
    }
}

impl Key {
    fn read(text: &str) -> Result<Self, NoReceiptKeys> {
        let bytes = BASE64
            .decode(text.trim().as_bytes())
            .map_err(|_| NoReceiptKeys::Malformed)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| NoReceiptKeys::Malformed)?;
        // A key of one byte over and over is a placeholder, not a key.
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(NoReceiptKeys::Malformed);
        }
        let mut key = Self {
            id: String::new(),
            bytes,
        };
        let named = key.keyed(KEY_ID_LABEL).finalize().into_bytes();
        key.id = HEXLOWER.encode(&named[..KEY_ID_BYTES]);
        Ok(key)
    }

    fn keyed(&self, label: &str) -> Hmac<Sha256> {
        // HMAC fills a key up to its block with zeros; done here, nothing can fail.
        let mut block = [0; 64];
        block[..self.bytes.len()].copy_from_slice(&self.bytes);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        encode(label.as_bytes(), |bytes| mac.update(bytes));
        mac
    }

    fn mac(&self, receipt: &ReceiptFacts<'_>) -> Hmac<Sha256> {
        let mut mac = self.keyed(SEAL_LABEL);
        receipt.encode(|bytes| mac.update(bytes));
        mac
    }

    /// Whether this key made a seal of this receipt; compared in constant time.
    fn made(&self, seal: &Seal, receipt: &ReceiptFacts<'_>) -> bool {
        let mac = seal.mac.strip_prefix(VERSION);
        let mac = mac.and_then(|mac| BASE64URL_NOPAD.decode(mac.as_bytes()).ok());
        seal.key_id == self.id
            && mac.is_some_and(|mac| self.mac(receipt).verify_slice(&mac).is_ok())
    }
}

impl ReceiptFacts<'_> {
    /// SHA-256 of all members in lower-case hex: names what an operator was shown.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        encode(DIGEST_LABEL.as_bytes(), |bytes| hash.update(bytes));
        self.encode(|bytes| hash.update(bytes));
        HEXLOWER.encode(&hash.finalize())
    }

    /// All members in a fixed order, so that no two receipts look alike: texts
    /// after their lengths, numbers as 8 bytes, and a byte before what may be
    /// missing.
    fn encode(&self, mut take: impl FnMut(&[u8])) {
        let Self {
            id,
            kind,
            external_ref,
            invoice_id,
            product_id,
            amount,
            currency,
            received_at,
            license_id,
        } = self;
        for text in [id, kind, external_ref] {
            encode(text.as_bytes(), &mut take);
        }
        take(&[u8::from(invoice_id.is_some())]);
        encode(invoice_id.unwrap_or_default().as_bytes(), &mut take);
        encode(product_id.as_bytes(), &mut take);
        take(&amount.to_be_bytes());
        encode(currency.as_bytes(), &mut take);
        take(&received_at.to_be_bytes());
        encode(license_id.as_bytes(), &mut take);
    }
}

/// A text after its length.
fn encode(text: &[u8], mut take: impl FnMut(&[u8])) {
    take(&(text.len() as u64).to_be_bytes());
    take(text);
}

#[cfg(test)]
#[path = "receipt_keys_tests.rs"]
mod tests;
