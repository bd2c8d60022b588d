//! The configuration of payments in USDC.

use keywright_domain::usdc;
use keywright_domain::usdc::sharing::Share;
use keywright_ports::settings::{fault_at, fault_of};
use keywright_ports::{Config, Setting, name};
use keywright_providers::polygon::Address;
use keywright_providers::polygon::market::UsdcContract;
use keywright_providers::polygon::wallet::ReceivingKey;

/// Where buyers pay in USDC, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct UsdcSettings {
    pub(crate) market: UsdcContract,
    pub(crate) wallet: Wallet,
    /// How long an order can be paid.
    pub(crate) minutes: i64,
    /// How many micro-units may be added to a price to make it unique.
    pub(crate) spread: i64,
    pub(crate) share: Share,
}

/// The wallet that is paid to.
#[derive(Debug, Clone)]
pub(crate) enum Wallet {
    /// One address; the amount identifies the order.
    One(Address),
    /// An address for every order.
    Many(ReceivingKey),
}

/// The settings of payments in USDC.
pub(crate) const USDC: Setting = Setting {
    names: &[
        name::POLYGON_CHAIN_ID,
        name::USDC_ADDRESS,
        name::WALLET_ADDRESS,
        name::WALLET_XPUB,
        name::USDC_ORDER_MINUTES,
        name::USDC_AMOUNT_SPREAD,
        name::USDC_INSTANCE,
    ],
    check: |config| {
        let key = config
            .get(name::WALLET_XPUB)
            .map_or(Ok(()), |key| key.parse().map(|_: ReceivingKey| ()));
        let address = config
            .get(name::WALLET_ADDRESS)
            .map_or(Ok(()), |address| address.parse().map(|_: Address| ()));
        let chain = UsdcContract::configured(
            config.get(name::POLYGON_CHAIN_ID),
            config.get(name::USDC_ADDRESS),
        );
        [
            fault_at(name::WALLET_XPUB, key),
            fault_at(name::WALLET_ADDRESS, address),
            fault_of(chain),
            fault_of(usdc::order_minutes(config.get(name::USDC_ORDER_MINUTES))),
            fault_of(usdc::spread(config.get(name::USDC_AMOUNT_SPREAD))),
            fault_of(Share::configured(config.get(name::USDC_INSTANCE))),
        ]
        .concat()
    },
};

impl UsdcSettings {
    /// Reads the configuration. A key for one address per order takes precedence.
    ///
    /// # Errors
    /// What is missing or wrong; never a key.
    pub(crate) fn configured(config: &Config) -> Result<Self, String> {
        let wrong = |name, why: &dyn std::fmt::Display| format!("{name}: {why}");
        let wallet = match (
            config.get(name::WALLET_XPUB),
            config.get(name::WALLET_ADDRESS),
        ) {
            (Some(key), _) => key
                .parse()
                .map(Wallet::Many)
                .map_err(|error| wrong(name::WALLET_XPUB, &error))?,
            (None, Some(address)) => address
                .parse()
                .map(Wallet::One)
                .map_err(|error| wrong(name::WALLET_ADDRESS, &error))?,
            (None, None) => {
                return Err("neither WALLET_ADDRESS nor WALLET_XPUB is configured".to_owned());
            }
        };
        Ok(Self {
            market: UsdcContract::configured(
                config.get(name::POLYGON_CHAIN_ID),
                config.get(name::USDC_ADDRESS),
            )?,
            wallet,
            minutes: usdc::order_minutes(config.get(name::USDC_ORDER_MINUTES))?,
            spread: usdc::spread(config.get(name::USDC_AMOUNT_SPREAD))?,
            share: Share::configured(config.get(name::USDC_INSTANCE))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALLET: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
    const XPUB: &str = "xpub6Ce9NcJvTk36xtLSrJLZqE7wtgA5deCeYs7rSQtreh4cj6ByPtrg9sD7V2FNFLPnf8heNP3FGkeV9qwfzvZNSd54JoNXVsXFYSYwHsnJxqP";
    const XPRV: &str = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";
    const WORDS: &str = "test test test test test test test test test test test junk";

    fn settings(values: &[(&'static str, &str)]) -> Result<UsdcSettings, String> {
        let values = values
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        UsdcSettings::configured(&Config::new(values))
    }

    #[test]
    fn an_address_for_every_order_comes_first() {
        let one = settings(&[(name::WALLET_ADDRESS, WALLET)]).expect("a wallet");
        assert!(matches!(one.wallet, Wallet::One(_)));
        assert_eq!((one.minutes, one.spread), (60, 9_999));
        let both = [(name::WALLET_ADDRESS, WALLET), (name::WALLET_XPUB, XPUB)];
        let many = settings(&both).expect("a key");
        assert!(matches!(many.wallet, Wallet::Many(_)));
    }

    /// What could spend is refused, and appears nowhere.
    #[test]
    fn what_is_wrong_is_named_without_the_secret() {
        for (name, value) in [
            (name::WALLET_XPUB, XPRV),
            (name::WALLET_XPUB, WORDS),
            (name::WALLET_ADDRESS, "0x123"),
            (name::USDC_ORDER_MINUTES, "-7"),
            (name::USDC_AMOUNT_SPREAD, "-7"),
            (name::USDC_INSTANCE, "3/2"),
            (name::USDC_ADDRESS, "my coin"),
        ] {
            let values = [(name::WALLET_ADDRESS, WALLET), (name, value)];
            let error = settings(&values[usize::from(name == name::WALLET_ADDRESS)..]);
            let error = error.expect_err(value);
            assert!(error.contains(name) && !error.contains(value), "{error}");
            let config = Config::new([(name, value.to_owned())]);
            let found = keywright_ports::settings::faults(&[USDC], &config);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].name, name);
            assert!(!found[0].message.contains(value), "{found:?}");
        }
        assert!(
            settings(&[])
                .expect_err("nothing")
                .contains("WALLET_ADDRESS")
        );
    }
}
