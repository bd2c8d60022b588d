//! Configuration: the same names on every host (`UPPER_CASE` on Workers and
//! native, lower case as Spin variables). An empty value counts as absent,
//! because a Spin variable cannot be left out.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

/// The names of the configuration.
pub mod name {
    /// Ed25519 seed, 32 bytes in base64; in the sign function only.
    pub const SIGNING_KEY: &str = "SIGNING_KEY";
    /// Public keys that verify, newest first.
    pub const VERIFY_KEYS: &str = "VERIFY_KEYS";
    /// Bearer key of the operator, at least 32 characters.
    pub const ADMIN_KEY: &str = "ADMIN_KEY";
    /// Where buyers reach this instance, without a trailing slash.
    pub const PUBLIC_URL: &str = "PUBLIC_URL";
    /// The header in which a proxy in front tells a caller's address; unset, the
    /// connection's own counts.
    pub const CLIENT_ADDRESS_HEADER: &str = "CLIENT_ADDRESS_HEADER";
    /// Name of the operator, shown in the metadata.
    pub const OPERATOR_NAME: &str = "OPERATOR_NAME";
    /// Base URL of the vendor's `BTCPay` Server.
    pub const BTCPAY_URL: &str = "BTCPAY_URL";
    /// Greenfield API key for that store.
    pub const BTCPAY_API_KEY: &str = "BTCPAY_API_KEY";
    /// Store id.
    pub const BTCPAY_STORE_ID: &str = "BTCPAY_STORE_ID";
    /// Secret of the store's webhook.
    pub const BTCPAY_WEBHOOK_SECRET: &str = "BTCPAY_WEBHOOK_SECRET";
    /// Where Zaprite's API is, if not at its usual address.
    pub const ZAPRITE_URL: &str = "ZAPRITE_URL";
    /// Seals the credentials of connected payment providers: 32 bytes in base64.
    pub const CREDENTIALS_KEY: &str = "CREDENTIALS_KEY";
    /// Seals the secrets of webhook endpoints: 32 bytes in base64.
    pub const WEBHOOK_KEY: &str = "WEBHOOK_KEY";
    /// The only origins that webhooks may go to, separated by commas; unset, any public
    /// host. On Spin the manifest lists them too.
    pub const WEBHOOK_HOSTS: &str = "WEBHOOK_HOSTS";
    /// `1`: webhooks may go to private hosts, and over `http`.
    pub const WEBHOOK_PRIVATE: &str = "WEBHOOK_PRIVATE";
    /// How many requests a tick of `deliver` may send.
    pub const WEBHOOKS_PER_TICK: &str = "WEBHOOKS_PER_TICK";
    /// For how many days events are held for an endpoint that is paused.
    pub const WEBHOOK_HOLD_DAYS: &str = "WEBHOOK_HOLD_DAYS";
    /// How mail leaves: `resend`, `postmark`, `mailgun`, `http` or `cloudflare`; unset, mail
    /// is off.
    pub const MAIL_TRANSPORT: &str = "MAIL_TRANSPORT";
    /// Where mails are posted.
    pub const MAIL_URL: &str = "MAIL_URL";
    /// Credential of the mail API.
    pub const MAIL_API_KEY: &str = "MAIL_API_KEY";
    /// Headers of the mail API, JSON; may hold a credential.
    pub const MAIL_HEADERS: &str = "MAIL_HEADERS";
    /// What is posted, JSON with placeholders.
    pub const MAIL_TEMPLATE: &str = "MAIL_TEMPLATE";
    /// How that is encoded: `json`, `form` or `multipart`.
    pub const MAIL_FORMAT: &str = "MAIL_FORMAT";
    /// The header in which the mail API takes an id, once for each.
    pub const MAIL_IDEMPOTENCY_HEADER: &str = "MAIL_IDEMPOTENCY_HEADER";
    /// The member of an answer that says whether the mail was taken.
    pub const MAIL_SUCCESS: &str = "MAIL_SUCCESS";
    /// The address that mail comes from.
    pub const MAIL_FROM: &str = "MAIL_FROM";
    /// The address that attention items are mailed to.
    pub const MAIL_OPERATOR: &str = "MAIL_OPERATOR";
    /// What the secrets of links in mails are derived with: 32 bytes in base64.
    pub const MAIL_KEY: &str = "MAIL_KEY";
    /// The language of mails to buyers.
    pub const MAIL_LANGUAGE: &str = "MAIL_LANGUAGE";
    /// Mails in 24 hours.
    pub const MAIL_PER_DAY: &str = "MAIL_PER_DAY";
    /// After how many minutes without a tick mail is held.
    pub const MAIL_HOLD_MINUTES: &str = "MAIL_HOLD_MINUTES";
    /// Seal receipts, newest first: 32 bytes in base64 each, separated by commas.
    /// Held by the functions that may settle, and by sign.
    pub const RECEIPT_KEYS: &str = "RECEIPT_KEYS";
    /// Seals the audit log: an Ed25519 seed, 32 bytes in base64, or two separated by a
    /// comma, the newest first. In the sign function only.
    pub const SEAL_KEY: &str = "SEAL_KEY";
    /// Last day (UTC, `YYYY-MM-DD`) on which an operator may seal receipts that
    /// have no seal under a configured key.
    pub const RECEIPT_SEALING_UNTIL: &str = "RECEIPT_SEALING_UNTIL";
    /// Where browsers reach the `BTCPay` Server, where that is not `BTCPAY_URL`.
    pub const BTCPAY_BROWSER_URL: &str = "BTCPAY_BROWSER_URL";
    /// Whether scoped keys may connect stores of test networks.
    pub const SANDBOX_MODE: &str = "SANDBOX_MODE";
    /// Public keys of the issuer of instance licenses; set, the instance has caps.
    pub const INSTANCE_ISSUER_KEY: &str = "INSTANCE_ISSUER_KEY";
    /// Where that issuer is reached.
    pub const INSTANCE_ISSUER_URL: &str = "INSTANCE_ISSUER_URL";
    /// Slug of its product that instances are licensed by.
    pub const INSTANCE_PRODUCT_SLUG: &str = "INSTANCE_PRODUCT_SLUG";
    /// UUID of that product.
    pub const INSTANCE_PRODUCT_ID: &str = "INSTANCE_PRODUCT_ID";
    /// The license key of this instance.
    pub const INSTANCE_LICENSE: &str = "INSTANCE_LICENSE";
    /// How a front server is told to send release files by itself; on Workers,
    /// where there is none, it is not handed out.
    pub const RELEASES_SENDFILE: &str = "RELEASES_SENDFILE";
    /// For how many days the validation log is kept.
    pub const VALIDATION_LOG_DAYS: &str = "VALIDATION_LOG_DAYS";
    /// For how many days the log of downloads is kept.
    pub const DOWNLOAD_LOG_DAYS: &str = "DOWNLOAD_LOG_DAYS";
    /// For how many days orders are kept that ended unpaid.
    pub const ABANDONED_ORDER_DAYS: &str = "ABANDONED_ORDER_DAYS";
    /// For how many days outgoing events are kept.
    pub const EVENT_DAYS: &str = "EVENT_DAYS";
    /// For how many days sealed audit entries are kept; unset, forever.
    pub const AUDIT_DAYS: &str = "AUDIT_DAYS";
    /// Base URL of the public Git repository.
    pub const GIT_URL: &str = "GIT_URL";
    /// JSON-RPC endpoints of Polygon, the preferred one first, separated by
    /// commas. A URL may hold an access key.
    pub const POLYGON_RPC_URLS: &str = "POLYGON_RPC_URLS";
    /// EIP-155 id of the chain; 137, Polygon's main network, unless set.
    pub const POLYGON_CHAIN_ID: &str = "POLYGON_CHAIN_ID";
    /// Contract of the token that is taken as payment.
    pub const USDC_ADDRESS: &str = "USDC_ADDRESS";
    /// Where buyers pay when no address of their own is derived.
    pub const WALLET_ADDRESS: &str = "WALLET_ADDRESS";
    /// Extended public key that an address of its own is derived from for
    /// every order.
    pub const WALLET_XPUB: &str = "WALLET_XPUB";
    /// How many blocks count as final where an endpoint does not say which do.
    pub const POLYGON_CONFIRMATIONS: &str = "POLYGON_CONFIRMATIONS";
    /// The first block that is read.
    pub const POLYGON_START_BLOCK: &str = "POLYGON_START_BLOCK";
    /// How many micro-units are added to a price, so that the amount tells the
    /// order.
    pub const USDC_AMOUNT_SPREAD: &str = "USDC_AMOUNT_SPREAD";
    /// Which of several instances with one wallet this is, such as `1/2`.
    pub const USDC_INSTANCE: &str = "USDC_INSTANCE";
    /// For how many minutes an order can be paid in USDC.
    pub const USDC_ORDER_MINUTES: &str = "USDC_ORDER_MINUTES";
    /// `1`: whoever knows a transaction's hash is given its license.
    pub const LEGACY_TX_CLAIMS: &str = "LEGACY_TX_CLAIMS";
    /// Bearer key for ticks by HTTP.
    pub const CRON_TOKEN: &str = "CRON_TOKEN";
}

/// The configuration granted to one function.
#[derive(Clone, Default)]
pub struct Config(Arc<BTreeMap<&'static str, String>>);

impl Config {
    /// Keeps the non-empty values.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let kept = values
            .into_iter()
            .map(|(name, value)| (name, value.trim().to_owned()))
            .filter(|(_, value)| !value.is_empty());
        Self(Arc::new(kept.collect()))
    }

    /// The value, where one is configured and granted.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value, read; else why it cannot be used, for the log.
    ///
    /// # Errors
    /// One line that names it.
    pub fn read<T>(&self, name: &str) -> Result<T, String>
    where
        T: FromStr<Err: std::fmt::Display>,
    {
        let text = self.get(name);
        let text = text.ok_or_else(|| format!("{name} is not configured"))?;
        text.parse()
            .map_err(|error| format!("{name} cannot be read: {error}"))
    }
}

impl std::fmt::Debug for Config {
    /// Names only: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_absent_and_values_do_not_print() {
        let config = Config::new([
            (name::ADMIN_KEY, " secret \n".to_owned()),
            (name::CRON_TOKEN, "  ".to_owned()),
        ]);
        assert_eq!(config.get("ADMIN_KEY"), Some("secret"));
        assert_eq!(config.get("CRON_TOKEN"), None);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let config = Config::new([(name::VALIDATION_LOG_DAYS, "ten".to_owned())]);
        assert_eq!(
            config.read::<u32>(name::VALIDATION_LOG_DAYS),
            Err("VALIDATION_LOG_DAYS cannot be read: invalid digit found in string".to_owned())
        );
        assert_eq!(
            config.read::<u32>(name::DOWNLOAD_LOG_DAYS),
            Err("DOWNLOAD_LOG_DAYS is not configured".to_owned())
        );
    }
}
