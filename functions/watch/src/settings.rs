//! The settings of the watcher, from the configuration.

use keywright_domain::usdc::sharing::Share;
use keywright_ports::settings::{fault_at, fault_of};
use keywright_ports::{Config, Setting, name};
use keywright_providers::polygon::market::UsdcContract;
use keywright_providers::polygon::rpc::Endpoint;
use keywright_providers::polygon::{Address, token};
use keywright_store::chain::usdc_orders;
use std::collections::BTreeSet;

/// Default number of blocks after which a block counts as final, for endpoints that do not
/// know the tag `finalized`. Polygon's deepest reorganisation was 157 blocks.
const CONFIRMATIONS: u64 = 256;

/// What to watch, and the endpoints to ask.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// In order of preference; at least one.
    pub(crate) endpoints: Vec<Endpoint>,
    /// The chain and the token.
    pub(crate) market: UsdcContract,
    /// The wallet that orders share, if configured.
    pub(crate) wallet: Option<Address>,
    /// The share of amounts of this instance, where several share the wallet.
    pub(crate) share: Share,
    /// Number of blocks after which a block counts as final without the tag.
    pub(crate) confirmations: u64,
    /// The first block to read.
    pub(crate) start_block: Option<u64>,
}

/// The settings of the chain.
pub(crate) const USDC: Setting = Setting {
    names: &[
        name::POLYGON_RPC_URLS,
        name::POLYGON_CHAIN_ID,
        name::USDC_ADDRESS,
        name::WALLET_ADDRESS,
        name::USDC_INSTANCE,
        name::POLYGON_CONFIRMATIONS,
        name::POLYGON_START_BLOCK,
        name::LEGACY_TX_CLAIMS,
    ],
    check: |config| {
        let address = config.get(name::WALLET_ADDRESS);
        let wallet = address.map_or(Ok(()), |address| address.parse().map(|_: Address| ()));
        let urls = config.get(name::POLYGON_RPC_URLS).unwrap_or_default();
        let endpoints = match Endpoint::list(urls) {
            Ok(endpoints) if endpoints.is_empty() && address.is_some() => vec![format!(
                "{} is not configured, but {} is: set it, or no payment is seen",
                name::POLYGON_RPC_URLS,
                name::WALLET_ADDRESS
            )],
            listed => fault_at(name::POLYGON_RPC_URLS, listed),
        };
        let chain = UsdcContract::configured(
            config.get(name::POLYGON_CHAIN_ID),
            config.get(name::USDC_ADDRESS),
        );
        [
            endpoints,
            fault_of(chain),
            fault_at(name::WALLET_ADDRESS, wallet),
            fault_of(Share::configured(config.get(name::USDC_INSTANCE))),
            fault_of(blocks(config, name::POLYGON_CONFIRMATIONS)),
            fault_of(blocks(config, name::POLYGON_START_BLOCK)),
            fault_of(legacy_claims(config)),
        ]
        .concat()
    },
};

/// Strict, because it opens licenses to anyone who reads the chain.
fn legacy_claims(config: &Config) -> Result<(), String> {
    match config.get(name::LEGACY_TX_CLAIMS) {
        None | Some("0" | "1") => Ok(()),
        Some(_) => Err(format!(
            "{} must be 1 (on) or 0 (off)",
            name::LEGACY_TX_CLAIMS
        )),
    }
}

/// A number of blocks, where one is configured.
fn blocks(config: &Config, name: &str) -> Result<Option<u64>, String> {
    match config.get(name).map(str::parse::<u32>) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(u64::from(number))),
        Some(Err(_)) => Err(format!("{name} must be a whole number of blocks")),
    }
}

impl Settings {
    /// Reads the configuration; `None` when no endpoint is configured.
    ///
    /// # Errors
    /// Names the value that is wrong. The text contains no URL, which may hold a key.
    pub(crate) fn configured(config: &Config) -> Result<Option<Self>, String> {
        let urls = config.get(name::POLYGON_RPC_URLS).unwrap_or_default();
        let endpoints =
            Endpoint::list(urls).map_err(|error| format!("POLYGON_RPC_URLS: {error}"))?;
        if endpoints.is_empty() {
            return Ok(None);
        }
        let wallet = config.get(name::WALLET_ADDRESS).map(str::parse).transpose();
        Ok(Some(Self {
            endpoints,
            market: UsdcContract::configured(
                config.get(name::POLYGON_CHAIN_ID),
                config.get(name::USDC_ADDRESS),
            )?,
            wallet: wallet.map_err(|error| format!("WALLET_ADDRESS: {error}"))?,
            share: Share::configured(config.get(name::USDC_INSTANCE))?,
            confirmations: blocks(config, name::POLYGON_CONFIRMATIONS)?.unwrap_or(CONFIRMATIONS),
            start_block: blocks(config, name::POLYGON_START_BLOCK)?,
        }))
    }

    /// The number of endpoints, each on a different host, that must agree: two where two
    /// are configured.
    pub(crate) fn witnesses_needed(&self) -> usize {
        let parties: BTreeSet<&str> = self.endpoints.iter().map(Endpoint::party).collect();
        parties.len().min(2)
    }

    /// The chain and the token, as the database stores them.
    pub(crate) fn stored(&self) -> usdc_orders::ChainToken {
        usdc_orders::ChainToken {
            chain_id: self.market.chain_id.cast_signed(),
            token: self.market.token.lower(),
        }
    }

    /// The contracts whose transfers are read: the token, and the token that buyers
    /// confuse with it.
    pub(crate) fn contracts(&self) -> Vec<Address> {
        let mistaken = token::mistaken_for_usdc(self.market.chain_id);
        let mistaken = mistaken.filter(|other| *other != self.market.token);
        std::iter::once(self.market.token).chain(mistaken).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(&'static str, &str)]) -> Result<Option<Settings>, String> {
        let values = values
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        Settings::configured(&Config::new(values))
    }

    #[test]
    fn nothing_is_watched_without_an_endpoint() {
        assert!(settings(&[]).expect("nothing").is_none());
        let never = [(name::POLYGON_RPC_URLS, "https://polygon-rpc.invalid,")];
        assert!(settings(&never).expect("nothing").is_none());
    }

    #[test]
    fn what_is_wrong_is_named_without_the_url() {
        const KEYED: &str = "https://node.example/v2/topsecretkey";
        for (name, value) in [
            (name::POLYGON_CHAIN_ID, "mainnet"),
            (name::USDC_ADDRESS, "0x123"),
            (
                name::WALLET_ADDRESS,
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
            ),
            (name::POLYGON_CONFIRMATIONS, "-1"),
            (name::POLYGON_START_BLOCK, "latest"),
            (name::USDC_INSTANCE, "second"),
            (
                name::POLYGON_RPC_URLS,
                "http://node.example/v2/topsecretkey",
            ),
            (name::POLYGON_RPC_URLS, "ftp://node.example/v2/topsecretkey"),
        ] {
            let values = [(name::POLYGON_RPC_URLS, KEYED), (name, value)];
            let error = settings(&values).expect_err(name);
            let config = Config::new(values.map(|(name, value)| (name, value.to_owned())));
            let found = keywright_ports::settings::faults(&[USDC], &config);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].name, name);
            assert!(
                error.contains(name) && !error.contains("topsecret"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_wallet_without_endpoints_is_a_fault() {
        let wallet = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned();
        let config = Config::new([(name::WALLET_ADDRESS, wallet)]);
        let found = keywright_ports::settings::faults(&[USDC], &config);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].name, name::POLYGON_RPC_URLS);
    }

    #[test]
    fn two_witnesses_are_needed_where_there_are_two_hosts() {
        for (urls, needed) in [
            ("https://a.example/v2/one", 1),
            ("https://a.example/v2/one,https://a.example/v2/two", 1),
            ("https://a.example/v2/one,https://b.example/v2/one", 2),
            ("https://a.example,https://b.example,https://c.example", 2),
            ("https://a.example,https://unset.invalid", 1),
        ] {
            let settings = settings(&[(name::POLYGON_RPC_URLS, urls)]);
            let settings = settings.expect("settings").expect("watched");
            assert_eq!(settings.witnesses_needed(), needed, "{urls}");
        }
    }

    #[test]
    fn bridged_usdc_is_read_too_where_there_is_some() {
        let keyless = (name::POLYGON_RPC_URLS, "http://127.0.0.1:1");
        let main = settings(&[keyless]).expect("settings").expect("watched");
        assert_eq!(main.market.chain_id, token::POLYGON);
        let both = [token::USDC_POLYGON, token::BRIDGED_USDC_POLYGON];
        assert_eq!(main.contracts(), both);
        assert_eq!(main.confirmations, 256);
        let test = settings(&[keyless, (name::POLYGON_CHAIN_ID, "80002")]);
        let test = test.expect("settings").expect("watched");
        assert_eq!(test.contracts(), [token::USDC_AMOY]);
    }
}
