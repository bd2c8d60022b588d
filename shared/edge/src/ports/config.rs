//! Configuration: the same names on every host (`UPPER_CASE` on Workers and
//! native, lower case as Spin variables). An empty value counts as absent,
//! because a Spin variable cannot be left out.

use std::collections::BTreeMap;
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
    /// Seals the credentials of connected payment providers: 32 bytes in base64.
    pub const CREDENTIALS_KEY: &str = "CREDENTIALS_KEY";
    /// Where browsers reach the `BTCPay` Server, where that is not `BTCPAY_URL`.
    pub const BTCPAY_BROWSER_URL: &str = "BTCPAY_BROWSER_URL";
    /// Whether scoped keys may connect stores of test networks.
    pub const SANDBOX_MODE: &str = "SANDBOX_MODE";
    /// How a front server is told to send release files by itself; on Workers,
    /// where there is none, it is not handed out.
    pub const RELEASES_SENDFILE: &str = "RELEASES_SENDFILE";
    /// For how many days the validation log is kept.
    pub const VALIDATION_LOG_DAYS: &str = "VALIDATION_LOG_DAYS";
    /// For how many days the log of downloads is kept.
    pub const DOWNLOAD_LOG_DAYS: &str = "DOWNLOAD_LOG_DAYS";
    /// Base URL of the public Git repository.
    pub const GIT_URL: &str = "GIT_URL";
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
}
