//! Single transactions: where a payment stands, and its license for whoever
//! proves to hold the wallet that paid. The hash of a transaction is public;
//! whoever knows it knows nothing (unless the vendor says otherwise).

pub(crate) mod challenge;
pub(crate) mod claim;
mod lookup;
pub(crate) mod proof;
pub(crate) mod status;

use crate::Ports;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use keywright_domain::caller_limits::{CHAIN_QUESTIONS, CONTRACT_QUESTIONS, PROOFS};
use keywright_ports::Host;
use keywright_ports::function::PortError;
use keywright_ports::{Level, Log, Sign, name};
use keywright_providers::polygon::Hash;
use keywright_providers::polygon::market::UsdcContract;
use keywright_web::caller_limit::take_for;
use keywright_web::rate_limit::Allowance;
use keywright_web::{ApiError, Client};

/// Said whenever the function starts with it.
const LEGACY_WARNING: &str = "LEGACY_TX_CLAIMS is 1: everybody who reads the chain can fetch the license of every payment in USDC; unset it once no application needs it";

/// What claiming needs beyond watching.
pub(crate) struct Claims {
    sign: Sign,
    /// Where people reach this instance, or why that is not known.
    address: Result<PublicAddress, String>,
    /// The chain and the token, or what is wrong with them. Claiming goes on
    /// when nothing is watched any more.
    market: Result<UsdcContract, String>,
    /// Whether the hash alone is enough, as it was with the older server.
    legacy: bool,
}

/// Where people reach this instance.
struct PublicAddress {
    /// Without a slash at its end.
    base_url: String,
    /// Host and, where the URL has one, port.
    host: String,
}

impl Claims {
    pub(crate) fn of(host: &Host) -> Result<Self, PortError> {
        let config = &host.config;
        Ok(Self {
            sign: host.sign()?,
            address: PublicAddress::of(config.get(name::PUBLIC_URL)),
            market: UsdcContract::configured(
                config.get(name::POLYGON_CHAIN_ID),
                config.get(name::USDC_ADDRESS),
            ),
            legacy: config.get(name::LEGACY_TX_CLAIMS) == Some("1"),
        })
    }

    /// Warns, at the start, of a setting that gives licenses to everybody.
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
                "what is configured for payments in USDC cannot be used",
                reason.as_str(),
            )
        })
    }

    /// The chain, as the database knows it.
    pub(crate) fn chain_id(&self) -> Result<i64, ApiError> {
        Ok(self.market()?.chain_id.cast_signed())
    }
}

impl PublicAddress {
    fn of(url: Option<&str>) -> Result<Self, String> {
        let base_url = url
            .ok_or("PUBLIC_URL is not configured")?
            .trim_end_matches('/');
        let uri: http::Uri = base_url
            .parse()
            .map_err(|error| format!("PUBLIC_URL: {error}"))?;
        let authority = uri.authority().ok_or("PUBLIC_URL names no host")?;
        Ok(Self {
            base_url: base_url.to_owned(),
            host: authority.to_string(),
        })
    }
}

/// The transaction that a path names.
fn transaction(path: Result<Path<String>, PathRejection>) -> Result<Hash, ApiError> {
    let wrong = || ApiError::bad_request("the hash of a transaction is 0x and 64 hex digits");
    let Path(text) = path.map_err(|_| wrong())?;
    text.parse().map_err(|_| wrong())
}

/// Takes a token for a proof.
pub(crate) async fn limit_proofs(ports: &Ports, client: &Client) -> Result<Allowance, ApiError> {
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&PROOFS], client, now).await
}

/// Takes a token for asking the chain.
async fn limit_questions(ports: &Ports, client: &Client) -> Result<(), ApiError> {
    let now = ports.stamps.now_millis();
    let taken = take_for(&ports.database, &[&CHAIN_QUESTIONS], client, now);
    taken.await.map(drop)
}

/// Takes a token for asking a contract wallet.
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
        for (url, host) in [
            ("https://shop.example", "shop.example"),
            ("https://shop.example/", "shop.example"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("https://shop.example/licenses/", "shop.example"),
        ] {
            let address = PublicAddress::of(Some(url)).expect("a address");
            assert_eq!(address.host, host);
            assert_eq!(address.base_url, url.trim_end_matches('/'));
        }
        for url in [None, Some("/nowhere"), Some("not a url")] {
            assert!(PublicAddress::of(url).is_err(), "{url:?}");
        }
    }
}
