//! Checks of the configuration. Each function lists the settings that it reads, and the
//! host checks them once when it opens the function: what is wrong is in the log before
//! the first buyer meets it. A text names what is wrong and how to mend it, and never
//! holds a value, because a value may be a secret.

use crate::receipt_keys::ReceiptKeys;
use crate::vault::{NoVault, Vault};
use crate::{AddressHeader, Config, Level, Log, name};
use keywright_domain::mail::settings as mail;
use keywright_domain::secrets::{MIN_SECRET_BYTES, check_secret};
use keywright_domain::web_url;
use keywright_domain::webhook::settings::{HoldDays, PerTick, WebhookHosts};
use std::fmt::Display;

/// Names of the configuration that are checked together.
#[derive(Clone, Copy)]
pub struct Setting {
    /// The names that it reads.
    pub names: &'static [&'static str],
    /// What is wrong with them; each text begins with one of the names.
    pub check: fn(&Config) -> Vec<String>,
}

/// Something that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The name to change.
    pub name: &'static str,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// Everything that is wrong with these settings.
#[must_use]
pub fn faults(settings: &[Setting], config: &Config) -> Vec<SettingFault> {
    let of_setting = |setting: &Setting| {
        let names = setting.names;
        let texts = (setting.check)(config).into_iter();
        texts.filter_map(move |message| {
            // WALLET_ADDRESS_X begins with WALLET_ADDRESS too: the longest one is meant.
            let named = names.iter().filter(|name| message.starts_with(**name));
            let name = named.max_by_key(|name| name.len()).or(names.first())?;
            Some(SettingFault { name, message })
        })
    };
    settings.iter().flat_map(of_setting).collect()
}

/// Writes what is wrong to the log, one line each.
pub fn report(settings: &[Setting], config: &Config, log: &Log) {
    for fault in faults(settings, config) {
        log.write(Level::Error, "", &fault.message);
    }
}

/// The text of an error as the only fault.
#[must_use]
pub fn fault_of<T, E: Display>(read: Result<T, E>) -> Vec<String> {
    read.err()
        .map(|error| error.to_string())
        .into_iter()
        .collect()
}

/// As [`fault_of`], for an error that does not say which name it is about.
#[must_use]
pub fn fault_at<T, E: Display>(name: &str, read: Result<T, E>) -> Vec<String> {
    fault_of(read.map_err(|error| format!("{name}: {error}")))
}

/// The URL of this instance, without a trailing slash.
///
/// # Errors
/// What is wrong with it, for the log.
pub fn public_url(config: &Config) -> Result<&str, String> {
    let name = name::PUBLIC_URL;
    let url = config.get(name).ok_or_else(|| {
        format!("{name} is not configured; set it to the URL at which buyers reach this instance, such as https://licenses.example.com")
    })?;
    let url = url.trim_end_matches('/');
    web_url::check_origin(url).map_err(|error| format!("{name} {error}"))?;
    Ok(url)
}

/// A setting that is on or off; off without a value.
///
/// # Errors
/// What the value must be.
pub fn flag(config: &Config, name: &str) -> Result<bool, String> {
    match config.get(name) {
        Some("1" | "true") => Ok(true),
        None | Some("0" | "false") => Ok(false),
        Some(_) => Err(format!("{name} must be 1 (on) or 0 (off)")),
    }
}

/// `PUBLIC_URL`, where this function works without it.
pub const PUBLIC_URL: Setting = Setting {
    names: &[name::PUBLIC_URL],
    check: |config| match config.get(name::PUBLIC_URL) {
        Some(_) => fault_of(public_url(config)),
        None => Vec::new(),
    },
};

/// `PUBLIC_URL`, where this function does not work without it.
pub const REQUIRED_PUBLIC_URL: Setting = Setting {
    names: &[name::PUBLIC_URL],
    check: |config| fault_of(public_url(config)),
};

/// `CLIENT_ADDRESS_HEADER`.
pub const CLIENT_ADDRESS_HEADER: Setting = Setting {
    names: &[name::CLIENT_ADDRESS_HEADER],
    check: |config| fault_of(AddressHeader::configured(config, None)),
};

/// `OPERATOR_NAME`: any text.
pub const OPERATOR_NAME: Setting = Setting {
    names: &[name::OPERATOR_NAME],
    check: |_| Vec::new(),
};

/// `RECEIPT_KEYS`.
pub const RECEIPT_KEYS: Setting = Setting {
    names: &[name::RECEIPT_KEYS],
    check: |config| fault_of(ReceiptKeys::configured(config)),
};

/// `CREDENTIALS_KEY`, which only connected stores need.
pub const CREDENTIALS_KEY: Setting = Setting {
    names: &[name::CREDENTIALS_KEY],
    check: |config| match Vault::configured(config) {
        Ok(_) | Err(NoVault::Missing(_)) => Vec::new(),
        wrong => fault_of(wrong),
    },
};

/// `WEBHOOK_KEY`, which only outgoing webhooks need.
pub const WEBHOOK_KEY: Setting = Setting {
    names: &[name::WEBHOOK_KEY],
    check: |config| match Vault::keyed(config, name::WEBHOOK_KEY) {
        Ok(_) | Err(NoVault::Missing(_)) => Vec::new(),
        wrong => fault_of(wrong),
    },
};

/// `WEBHOOK_HOSTS`.
pub const WEBHOOK_HOSTS: Setting = Setting {
    names: &[name::WEBHOOK_HOSTS],
    check: |config| fault_of(WebhookHosts::configured(config.get(name::WEBHOOK_HOSTS))),
};

/// `WEBHOOK_PRIVATE`.
pub const WEBHOOK_PRIVATE: Setting = Setting {
    names: &[name::WEBHOOK_PRIVATE],
    check: |config| fault_of(flag(config, name::WEBHOOK_PRIVATE)),
};

/// `WEBHOOKS_PER_TICK` and `WEBHOOK_HOLD_DAYS`.
pub const WEBHOOK_LIMITS: Setting = Setting {
    names: &[name::WEBHOOKS_PER_TICK, name::WEBHOOK_HOLD_DAYS],
    check: |config| {
        let per_tick = fault_of(PerTick::read(config.get(name::WEBHOOKS_PER_TICK)));
        let hold = fault_of(HoldDays::read(config.get(name::WEBHOOK_HOLD_DAYS)));
        [per_tick, hold].concat()
    },
};

/// The settings of mail, which is off without `MAIL_TRANSPORT`.
pub const MAIL: Setting = Setting {
    names: &mail::NAMES,
    check: |config| {
        mail::read(|name| config.get(name))
            .err()
            .unwrap_or_default()
    },
};

/// `CRON_TOKEN`, which a host with a cron trigger does not need.
pub const CRON_TOKEN: Setting = Setting {
    names: &[name::CRON_TOKEN],
    check: |config| match config.get(name::CRON_TOKEN) {
        Some(_) => fault_of(secret(config, name::CRON_TOKEN)),
        None => Vec::new(),
    },
};

/// `ADMIN_KEY`.
pub const ADMIN_KEY: Setting = Setting {
    names: &[name::ADMIN_KEY],
    check: |config| fault_of(secret(config, name::ADMIN_KEY)),
};

/// `SANDBOX_MODE`.
pub const SANDBOX_MODE: Setting = Setting {
    names: &[name::SANDBOX_MODE],
    check: |config| fault_of(flag(config, name::SANDBOX_MODE)),
};

/// A secret that an operator makes.
///
/// # Errors
/// That there is none, or why it cannot be used, without any part of it.
pub fn secret<'a>(config: &'a Config, name: &str) -> Result<&'a str, String> {
    let how = "make one with: openssl rand -hex 32";
    let key = config.get(name);
    let key = key.ok_or_else(|| format!("{name} is not configured; {how}"))?;
    check_secret(key.as_bytes(), MIN_SECRET_BYTES)
        .map_err(|weak| format!("{name} {weak}; {how}"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "8f14e45fceea167a5a36dedd4bea2543";

    fn messages(setting: Setting, value: &str) -> Vec<String> {
        let values = setting.names.iter().map(|name| (*name, value.to_owned()));
        let found = faults(&[setting], &Config::new(values));
        found.into_iter().map(|fault| fault.message).collect()
    }

    #[test]
    fn what_is_wrong_is_named_with_how_to_mend_it_and_never_shown() {
        for (setting, value, says) in [
            (ADMIN_KEY, "", "ADMIN_KEY is not configured; make one with"),
            (
                ADMIN_KEY,
                "short-key",
                "ADMIN_KEY must have at least 32 characters; make one",
            ),
            (
                CRON_TOKEN,
                "tick-tock",
                "CRON_TOKEN must have at least 32 characters",
            ),
            (
                REQUIRED_PUBLIC_URL,
                "",
                "PUBLIC_URL is not configured; set it to the URL",
            ),
            (
                PUBLIC_URL,
                "shop.example.com",
                "PUBLIC_URL must begin with https:// or http://",
            ),
            (
                PUBLIC_URL,
                "//shop.example.com",
                "PUBLIC_URL must begin with https:// or http://",
            ),
            (
                PUBLIC_URL,
                "ftp://shop.example.com",
                "PUBLIC_URL must begin with",
            ),
            (
                PUBLIC_URL,
                "https://shop.example/licenses",
                "PUBLIC_URL must not have a path",
            ),
            (
                PUBLIC_URL,
                "https://shop.example/?a=b",
                "PUBLIC_URL must not have a path",
            ),
            (
                PUBLIC_URL,
                "https://me:pw@shop.example",
                "PUBLIC_URL must be a URL",
            ),
            (
                PUBLIC_URL,
                "https://shop example",
                "PUBLIC_URL must be a URL",
            ),
            (RECEIPT_KEYS, "", "RECEIPT_KEYS is not configured"),
            (
                RECEIPT_KEYS,
                "c2hvcnQ=",
                "RECEIPT_KEYS must be keys of 32 random bytes",
            ),
            (
                CREDENTIALS_KEY,
                "c2hvcnQ=",
                "CREDENTIALS_KEY is not 32 bytes in base64",
            ),
            (
                SANDBOX_MODE,
                "maybe",
                "SANDBOX_MODE must be 1 (on) or 0 (off)",
            ),
            (
                SANDBOX_MODE,
                "yes",
                "SANDBOX_MODE must be 1 (on) or 0 (off)",
            ),
            (
                CLIENT_ADDRESS_HEADER,
                "X Real IP",
                "CLIENT_ADDRESS_HEADER must be the name",
            ),
        ] {
            let found = messages(setting, value);
            let [text] = found.as_slice() else {
                panic!("{says}: {found:?}");
            };
            assert!(text.starts_with(says), "{text}");
            assert!(
                value.is_empty() || !text.contains(value),
                "{text} shows its value"
            );
        }
    }

    #[test]
    fn what_is_right_or_may_be_left_out_is_no_fault() {
        for (setting, value) in [
            (ADMIN_KEY, KEY),
            (CRON_TOKEN, KEY),
            (CRON_TOKEN, ""),
            (PUBLIC_URL, ""),
            (PUBLIC_URL, "https://shop.example"),
            (PUBLIC_URL, "https://shop.example/"),
            (PUBLIC_URL, "http://127.0.0.1:3000"),
            (PUBLIC_URL, "http://[::1]:3000"),
            (REQUIRED_PUBLIC_URL, "http://abcdefghij.onion"),
            (RECEIPT_KEYS, "Q0dH3k2mWm0h7vXyqkqf3y9Z8c1nN5bTtR4uLwEoJ6A="),
            (CREDENTIALS_KEY, ""),
            (SANDBOX_MODE, ""),
            (SANDBOX_MODE, "1"),
            (SANDBOX_MODE, "true"),
            (SANDBOX_MODE, "0"),
            (OPERATOR_NAME, "Ann & Söhne"),
            (CLIENT_ADDRESS_HEADER, "X-Forwarded-For"),
        ] {
            assert_eq!(messages(setting, value), [""; 0], "{value}");
        }
    }
}
