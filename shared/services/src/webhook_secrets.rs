//! The secrets of webhook endpoints: how they are made, kept, and sign a delivery. Each
//! endpoint has its own: the signed text names no receiver, so that with one key for all
//! a delivery to one endpoint would verify at every other.

use data_encoding::{BASE64, HEXLOWER};
use ed25519_compact::{KeyPair, Seed};
use hmac::{Hmac, KeyInit, Mac};
use keywright_domain::secrets::check_secret;
use keywright_domain::webhook::body::WebhookFormat;
use keywright_ports::vault::{NoVault, Vault};
use keywright_ports::{Config, Stamps, name};
use sha2::Sha256;
use std::fmt;

/// What begins a secret of Standard Webhooks.
const SECRET_PREFIX: &str = "whsec_";
/// What begins a public key of Standard Webhooks.
const PUBLIC_KEY_PREFIX: &str = "whpk_";

/// The secret that an endpoint's deliveries are signed with. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointSecret(String);

/// A secret that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Not of the form of Standard Webhooks.
    #[error(
        "secret must be whsec_ and the base64 of 24 to 64 random bytes; leave it out to have one made"
    )]
    NotStandard,
    /// Not text that every receiver reads alike.
    #[error(
        "secret must have 24 to 200 printable ASCII characters without spaces; leave it out to have one made"
    )]
    NotPrintable,
    /// One that nobody would get from a generator.
    #[error("secret must be random; leave it out to have one made")]
    Weak,
}

impl EndpointSecret {
    /// A new secret, which fits either format.
    #[must_use]
    pub fn generate(stamps: &Stamps) -> Self {
        Self(format!(
            "{SECRET_PREFIX}{}",
            BASE64.encode(&stamps.random::<32>())
        ))
    }

    /// A secret that an operator brings along.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn parse(text: &str, format: WebhookFormat) -> Result<Self, SecretError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain || !(24..=200).contains(&text.len()) {
            return Err(match format {
                WebhookFormat::Standard => SecretError::NotStandard,
                WebhookFormat::Keysat => SecretError::NotPrintable,
            });
        }
        let secret = Self(text.to_owned());
        let key = secret.key(format).ok_or(SecretError::NotStandard)?;
        if !(16..=200).contains(&key.len()) || check_secret(&key, 16).is_err() {
            return Err(SecretError::Weak);
        }
        Ok(secret)
    }

    /// True when deliveries of this format can be signed with it.
    #[must_use]
    pub fn fits(&self, format: WebhookFormat) -> bool {
        self.key(format).is_some()
    }

    /// The secret's text, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The bytes that sign: what the base64 stands for, or the text itself as the Keysat
    /// contract has it.
    fn key(&self, format: WebhookFormat) -> Option<Vec<u8>> {
        match format {
            WebhookFormat::Keysat => Some(self.0.clone().into_bytes()),
            WebhookFormat::Standard => {
                let text = self.0.strip_prefix(SECRET_PREFIX)?;
                let key = BASE64.decode(text.as_bytes()).ok()?;
                (24..=64).contains(&key.len()).then_some(key)
            }
        }
    }

    fn sign(&self, format: WebhookFormat, text: &[&[u8]]) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key(format)?).ok()?;
        for part in text {
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for EndpointSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSecret(..)")
    }
}

/// The Ed25519 key of an endpoint, for receivers that shall verify and not be able to sign.
#[derive(Clone)]
pub struct EndpointSigningKey(Seed);

impl EndpointSigningKey {
    /// A new key.
    #[must_use]
    pub fn generate(stamps: &Stamps) -> Self {
        Self(Seed::new(stamps.random()))
    }

    /// The public half as `whpk_…`.
    #[must_use]
    pub fn public_text(&self) -> String {
        let pair = KeyPair::from_seed(self.0);
        format!("{PUBLIC_KEY_PREFIX}{}", BASE64.encode(pair.pk.as_ref()))
    }

    fn sign(&self, text: &[u8]) -> String {
        let pair = KeyPair::from_seed(self.0);
        BASE64.encode(pair.sk.sign(text, None).as_ref())
    }
}

impl fmt::Debug for EndpointSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EndpointSigningKey(..)")
    }
}

/// Keeps the secrets of endpoints, sealed with `WEBHOOK_KEY`.
#[derive(Debug, Clone)]
pub struct WebhookVault(Vault);

impl WebhookVault {
    /// The configured vault.
    ///
    /// # Errors
    /// [`NoVault`].
    pub fn configured(config: &Config) -> Result<Self, NoVault> {
        Vault::keyed(config, name::WEBHOOK_KEY).map(Self)
    }

    /// Seals an endpoint's secret.
    #[must_use]
    pub fn seal(&self, stamps: &Stamps, id: &str, secret: &EndpointSecret) -> Option<String> {
        self.0.seal(stamps, &[id, "secret"], &secret.0)
    }

    /// Opens it; `None` for another key or another endpoint.
    #[must_use]
    pub fn open(&self, id: &str, sealed: &str) -> Option<EndpointSecret> {
        self.0.open(&[id, "secret"], sealed).map(EndpointSecret)
    }

    /// Seals an endpoint's signing key.
    #[must_use]
    pub fn seal_signing_key(
        &self,
        stamps: &Stamps,
        id: &str,
        key: &EndpointSigningKey,
    ) -> Option<String> {
        let text = BASE64.encode(key.0.as_ref());
        self.0.seal(stamps, &[id, "signing_key"], &text)
    }

    /// Opens it.
    #[must_use]
    pub fn open_signing_key(&self, id: &str, sealed: &str) -> Option<EndpointSigningKey> {
        let text = self.0.open(&[id, "signing_key"], sealed)?;
        let seed = BASE64.decode(text.as_bytes()).ok()?;
        Seed::from_slice(&seed).ok().map(EndpointSigningKey)
    }
}

/// What a delivery is signed with.
#[derive(Debug, Clone)]
pub struct DeliveryKeys {
    /// The endpoint's secret.
    pub secret: EndpointSecret,
    /// The one before, while both are good.
    pub old_secret: Option<EndpointSecret>,
    /// The endpoint's Ed25519 key, where it has one.
    pub signing_key: Option<EndpointSigningKey>,
}

/// What an attempt says of a delivery.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryIds<'a> {
    /// Id of the event: the same at every attempt and every endpoint.
    pub event_id: &'a str,
    /// Id of the delivery: the same at every attempt.
    pub delivery_id: &'a str,
    /// Such as `license.issued`.
    pub event_type: &'a str,
    /// When this attempt is made, in unix seconds.
    pub attempt_at: i64,
}

impl DeliveryKeys {
    /// The headers of an attempt; `None` when the secret does not fit the format.
    #[must_use]
    pub fn headers(
        &self,
        format: WebhookFormat,
        ids: DeliveryIds<'_>,
        body: &str,
    ) -> Option<Vec<(&'static str, String)>> {
        match format {
            WebhookFormat::Standard => self.standard_headers(ids, body),
            WebhookFormat::Keysat => self.keysat_headers(ids, body),
        }
    }

    /// Standard Webhooks 1.0: signatures separated by a space, the newest secret first.
    fn standard_headers(
        &self,
        ids: DeliveryIds<'_>,
        body: &str,
    ) -> Option<Vec<(&'static str, String)>> {
        let timestamp = ids.attempt_at.to_string();
        let signed = format!("{}.{timestamp}.{body}", ids.event_id);
        let v1 = |secret: &EndpointSecret| {
            let mac = secret.sign(WebhookFormat::Standard, &[signed.as_bytes()])?;
            Some(format!("v1,{}", BASE64.encode(&mac)))
        };
        let mut signatures = vec![v1(&self.secret)?];
        signatures.extend(self.old_secret.as_ref().and_then(v1));
        if let Some(key) = &self.signing_key {
            signatures.push(format!("v1a,{}", key.sign(signed.as_bytes())));
        }
        Some(vec![
            ("webhook-id", ids.event_id.to_owned()),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signatures.join(" ")),
        ])
    }

    /// The Keysat contract has one signature. That of the old secret is in a header of our
    /// own, because a receiver compares the whole header.
    fn keysat_headers(
        &self,
        ids: DeliveryIds<'_>,
        body: &str,
    ) -> Option<Vec<(&'static str, String)>> {
        let sign = |secret: &EndpointSecret| {
            let mac = secret.sign(WebhookFormat::Keysat, &[body.as_bytes()])?;
            Some(format!("sha256={}", HEXLOWER.encode(&mac)))
        };
        let mut headers = vec![
            ("x-keysat-event", ids.event_type.to_owned()),
            ("x-keysat-delivery", ids.delivery_id.to_owned()),
            ("x-keysat-signature", sign(&self.secret)?),
        ];
        let old = self.old_secret.as_ref().and_then(sign);
        headers.extend(old.map(|signature| ("x-keysat-signature-previous", signature)));
        Some(headers)
    }
}

#[cfg(test)]
#[path = "webhook_secrets_tests.rs"]
mod tests;
