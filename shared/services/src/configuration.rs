//! Checks of the settings that more than one function reads and that `ports` cannot
//! read: public keys, the payment providers, and how long logs are kept.

use keywright_domain::web_url;
use keywright_license::VerifyKeys;
use keywright_ports::settings::{fault_at, fault_of};
use keywright_ports::{Config, Setting, name};
use keywright_providers::btcpay::{Store, StoreError};
use keywright_store::operator::retention::{self, Log};

/// A host that never resolves (RFC 2606). Spin's manifest needs one as the default of a
/// variable that names an allowed host.
const NOWHERE: &str = ".invalid";

/// `VERIFY_KEYS`.
pub const VERIFY_KEYS: Setting = Setting {
    names: &[name::VERIFY_KEYS],
    check: |config| fault_of(verify_keys(config)),
};

/// `BTCPAY_URL`, `BTCPAY_STORE_ID` and `BTCPAY_API_KEY`: none, all, or the URL alone, for
/// stores that businesses connect.
pub const BTCPAY_STORE: Setting = Setting {
    names: &[
        name::BTCPAY_URL,
        name::BTCPAY_STORE_ID,
        name::BTCPAY_API_KEY,
    ],
    check: btcpay_store,
};

/// `BTCPAY_BROWSER_URL`.
pub const BTCPAY_BROWSER_URL: Setting = Setting {
    names: &[name::BTCPAY_BROWSER_URL],
    check: |config| match config.get(name::BTCPAY_BROWSER_URL) {
        Some(url) => fault_of(web_url::check(url).map_err(
            |_| "BTCPAY_BROWSER_URL must be an http or https URL, such as https://pay.example.com",
        )),
        None => Vec::new(),
    },
};

/// `ZAPRITE_URL`.
pub const ZAPRITE_URL: Setting = Setting {
    names: &[name::ZAPRITE_URL],
    check: |config| {
        match config.get(name::ZAPRITE_URL) {
        Some(url) => fault_of(web_url::check_origin(url.trim_end_matches('/')).map_err(
            |_| "ZAPRITE_URL must be an http or https URL without a path, such as https://api.zaprite.com",
        )),
        None => Vec::new(),
    }
    },
};

/// `VALIDATION_LOG_DAYS`.
pub const VALIDATION_LOG_DAYS: Setting = Setting {
    names: &[name::VALIDATION_LOG_DAYS],
    check: |config| days(config, Log::Validations),
};

/// `DOWNLOAD_LOG_DAYS`.
pub const DOWNLOAD_LOG_DAYS: Setting = Setting {
    names: &[name::DOWNLOAD_LOG_DAYS],
    check: |config| days(config, Log::Downloads),
};

/// `ABANDONED_ORDER_DAYS` and `EVENT_DAYS`.
pub const ORDER_AND_EVENT_DAYS: Setting = Setting {
    names: &[name::ABANDONED_ORDER_DAYS, name::EVENT_DAYS],
    check: |config| {
        let orders = days(config, Log::AbandonedOrders);
        [orders, days(config, Log::Events)].concat()
    },
};

/// `AUDIT_DAYS`.
pub const AUDIT_DAYS: Setting = Setting {
    names: &[name::AUDIT_DAYS],
    check: |config| fault_of(retention::audit_days(config.get(name::AUDIT_DAYS))),
};

/// The public keys.
///
/// # Errors
/// What is wrong, for the log.
pub fn verify_keys(config: &Config) -> Result<VerifyKeys, String> {
    let name = name::VERIFY_KEYS;
    let text = config.get(name);
    let text = text.ok_or_else(|| {
        format!("{name} is not configured; set it to the public half of SIGNING_KEY")
    })?;
    text.parse()
        .map_err(|error| format!("{name} cannot be read: {error}"))
}

fn days(config: &Config, log: Log) -> Vec<String> {
    fault_of(retention::days(log, config.get(log.config())))
}

fn btcpay_store(config: &Config) -> Vec<String> {
    let names = BTCPAY_STORE.names;
    let value = |name: &str| config.get(name).filter(|value| !value.contains(NOWHERE));
    let mut faults = Vec::new();
    if let Some(url) = value(name::BTCPAY_URL)
        && let Err(StoreError::Url) = Store::new(url, "a", "a")
    {
        faults.push(
            "BTCPAY_URL must be an http or https URL, such as https://pay.example.com".to_owned(),
        );
    }
    if let Some(id) = value(name::BTCPAY_STORE_ID) {
        let read = Store::new("https://pay.example.com", id, "a");
        let why = "copy the store's id from its settings in BTCPay: letters and digits only";
        faults.extend(fault_at(name::BTCPAY_STORE_ID, read.map_err(|_| why)));
    }
    if let Some(key) = value(name::BTCPAY_API_KEY) {
        let read = Store::new("https://pay.example.com", "a", key);
        let why = "copy the key from BTCPay, without spaces";
        faults.extend(fault_at(name::BTCPAY_API_KEY, read.map_err(|_| why)));
    }
    let [url, parts @ ..] = names else {
        return faults;
    };
    if parts.iter().any(|name| value(name).is_some()) {
        let missing = names.iter().filter(|name| value(name).is_none());
        faults.extend(missing.map(|name| {
            format!(
                "{name} is not configured; set {}, or {url} alone to connect stores",
                names.join(", ")
            )
        }));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_ports::settings::faults;

    fn found(setting: Setting, values: &[(&'static str, &str)]) -> Vec<&'static str> {
        let config = values
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let found = faults(&[setting], &Config::new(config));
        for fault in &found {
            assert!(fault.message.contains(fault.name), "{fault:?}");
            for (_, value) in values.iter().filter(|(_, value)| value.len() > 4) {
                assert!(!fault.message.contains(value), "{fault:?} shows a value");
            }
        }
        found.into_iter().map(|fault| fault.name).collect()
    }

    #[test]
    fn a_store_is_configured_as_a_whole_or_not_at_all() {
        use name::{BTCPAY_API_KEY as KEY, BTCPAY_STORE_ID as ID, BTCPAY_URL as URL};
        let url = (URL, "https://btcpay.shop.test");
        let nowhere = (URL, "https://btcpay.invalid");
        let (id, key) = ((ID, "3yhKxmX8bCxKRzPz"), (KEY, "a2V5b2ZzdG9yZQ"));
        for (values, wrong) in [
            (&[][..], &[][..]),
            (&[nowhere], &[]),
            (&[url], &[]),
            (&[url, id, key], &[]),
            (&[url, id], &[KEY]),
            (&[url, key], &[ID]),
            (&[id, key], &[URL]),
            (&[nowhere, id, key], &[URL]),
            (&[id], &[URL, KEY]),
            (&[(URL, "btcpay.shop.test"), id, key], &[URL]),
            (&[(URL, "btcpay.shop.test")], &[URL]),
            (&[(URL, "ftp://btcpay.shop.test"), id, key], &[URL]),
            (&[url, (ID, "my store"), key], &[ID]),
            (
                &[url, (ID, "https://btcpay.shop.test/stores/x"), key],
                &[ID],
            ),
            (&[url, id, (KEY, "key of my store")], &[KEY]),
        ] {
            assert_eq!(found(BTCPAY_STORE, values), wrong, "{values:?}");
        }
    }

    #[test]
    fn the_other_settings_are_checked_one_by_one() {
        let hex = "0d7550754e0800a5d237eef5826035766b9b3e5a15868a940ab289958788e3b0";
        for (setting, value, is_right) in [
            (VERIFY_KEYS, hex, true),
            (VERIFY_KEYS, "", false),
            (VERIFY_KEYS, "not-a-key", false),
            (VERIFY_KEYS, &hex[1..], false),
            (BTCPAY_BROWSER_URL, "", true),
            (BTCPAY_BROWSER_URL, "https://btcpay.shop.test", true),
            (BTCPAY_BROWSER_URL, "btcpay.shop.test", false),
            (ZAPRITE_URL, "", true),
            (ZAPRITE_URL, "https://zaprite.shop.test/", true),
            (ZAPRITE_URL, "https://zaprite.shop.test/v1", false),
            (ZAPRITE_URL, "zaprite.shop.test", false),
            (VALIDATION_LOG_DAYS, "", true),
            (VALIDATION_LOG_DAYS, "0", true),
            (VALIDATION_LOG_DAYS, "90 days", false),
            (DOWNLOAD_LOG_DAYS, "-1", false),
            (AUDIT_DAYS, "", true),
            (AUDIT_DAYS, "0", false),
        ] {
            let wrong = found(setting, &[(setting.names[0], value)]);
            assert_eq!(wrong.is_empty(), is_right, "{value}: {wrong:?}");
        }
        let both = [
            (name::ABANDONED_ORDER_DAYS, "a month"),
            (name::EVENT_DAYS, "1.5"),
        ];
        let names = [name::ABANDONED_ORDER_DAYS, name::EVENT_DAYS];
        assert_eq!(found(ORDER_AND_EVENT_DAYS, &both), names);
    }
}
