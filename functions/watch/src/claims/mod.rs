//! Claims: the state of the payment in a transaction, and its license for anyone who
//! proves control of the wallet that paid. A transaction hash is public, so it alone
//! opens nothing unless the vendor sets `LEGACY_TX_CLAIMS`.

pub(crate) mod challenge;
pub(crate) mod claim;
mod lookup;
pub(crate) mod proof;
pub(crate) mod status;

pub(crate) use lookup::paying;

use crate::Ports;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use keywright_domain::caller_limits::{CHAIN_QUESTIONS, CONTRACT_QUESTIONS, PROOFS};
use keywright_domain::web_url;
use keywright_ports::Host;
use keywright_ports::function::PortError;
use keywright_ports::{Config, Level, Log, Sign, name, settings};
use keywright_providers::polygon::Hash;
use keywright_providers::polygon::market::UsdcContract;
use keywright_web::caller_limit::take_for;
use keywright_web::rate_limit::Allowance;
use keywright_web::{ApiError, Client};

/// Logged at every start with the setting.
const LEGACY_WARNING: &str = "LEGACY_TX_CLAIMS is 1: anyone who reads the chain can fetch the license of every USDC payment; unset it once no application needs it";

/// What claiming needs beyond watching.
pub(crate) struct Claims {
    sign: Sign,
    /// The public address of this instance, or why it is unknown.
    address: Result<PublicAddress, String>,
    /// The chain and the token, or what is wrong with the configuration. Licenses can
    /// be claimed also when the chain is no longer watched.
    market: Result<UsdcContract, String>,
    /// True when the transaction hash alone opens the license, as with the older server.
    legacy: bool,
}

/// The public address of this instance.
struct PublicAddress {
    /// Without a trailing slash.
    base_url: String,
    /// The host, with the port if the URL has one.
    host: String,
}

impl Claims {
    pub(crate) fn of(host: &Host) -> Result<Self, PortError> {
        let config = &host.config;
        Ok(Self {
            sign: host.sign()?,
            address: PublicAddress::of(config),
            market: UsdcContract::configured(
                config.get(name::POLYGON_CHAIN_ID),
                config.get(name::USDC_ADDRESS),
            ),
            legacy: config.get(name::LEGACY_TX_CLAIMS) == Some("1"),
        })
    }

    /// Logs a warning if licenses are open to anyone who knows a hash.
    pub(crate) fn warn(&self, log: &Log) {
        if self.legacy {
            log.write(Level::Warn, "", LEGACY_WARNING);
        }
    }

    fn address(&self) -> Result<&PublicAddress, ApiError> {
        self.address.as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "this instance does not know its public address yet",
                reason.as_str(),
            )
        })
    }

    pub(crate) fn market(&self) -> Result<&UsdcContract, ApiError> {
        self.market.as_ref().map_err(|reason| {
            ApiError::unavailable(
                "service_unavailable",
                "payments in USDC are misconfigured",
                reason.as_str(),
            )
        })
    }

    /// The chain id as the database stores it.
    pub(crate) fn chain_id(&self) -> Result<i64, ApiError> {
        Ok(self.market()?.chain_id.cast_signed())
    }
}

impl PublicAddress {
    fn of(config: &Config) -> Result<Self, String> {
        let base_url = settings::public_url(config)?;
        let host = web_url::authority(base_url).ok_or("PUBLIC_URL names no host")?;
        Ok(Self {
            base_url: base_url.to_owned(),
            host: host.to_owned(),
        })
    }
}

/// The transaction that a path names.
fn transaction(path: Result<Path<String>, PathRejection>) -> Result<Hash, ApiError> {
    let text = path.map(|Path(text)| text).unwrap_or_default();
    Hash::pasted(&text).map_err(|error| ApiError::bad_request(format!("tx_hash {error}")))
}

/// Takes a rate limit token for a proof.
pub(crate) async fn limit_proofs(ports: &Ports, client: &Client) -> Result<Allowance, ApiError> {
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&PROOFS], client, now).await
}

/// Takes a rate limit token for a look-up on the chain.
async fn limit_lookups(ports: &Ports, client: &Client) -> Result<(), ApiError> {
    let now = ports.stamps.now_millis();
    let taken = take_for(&ports.database, &[&CHAIN_QUESTIONS], client, now);
    taken.await.map(drop)
}

/// Takes a rate limit token for asking a contract wallet.
async fn limit_contracts(ports: &Ports, client: &Client) -> Result<(), ApiError> {
    let now = ports.stamps.now_millis();
    let taken = take_for(&ports.database, &[&CONTRACT_QUESTIONS], client, now);
    taken.await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_message_is_that_of_the_public_url() {
        let of = |url: &str| {
            let config = Config::new([(name::PUBLIC_URL, url.to_owned())]);
            PublicAddress::of(&config)
        };
        for (url, host) in [
            ("https://shop.example", "shop.example"),
            ("https://shop.example/", "shop.example"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
        ] {
            let address = of(url).expect("an address");
            assert_eq!(address.host, host);
            assert_eq!(address.base_url, url.trim_end_matches('/'));
        }
        for url in [
            "",
            "/nowhere",
            "not a url",
            "https://shop.example/licenses/",
        ] {
            assert!(of(url).is_err(), "{url:?}");
        }
    }
}
