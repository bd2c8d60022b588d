//! One running instance of Keywright, on any of its hosts, with the `BTCPay`
//! double beside it. All of them are configured alike, so that the suite can
//! expect the same of each.

mod api;
mod database;
mod native;
mod ports;
mod process;
pub mod releases;
mod spin;
mod spin_test_host;
mod workerd;

pub use api::{Answer, Api};
pub use database::Database;
pub use process::root;
pub use spin_test_host::Reuse;

use crate::shop;
use keywright_btcpay_double::BtcPay;
use keywright_edge::ports::name;
use keywright_license::{SigningKey, VerifyKeys};
use releases::Releases;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Store id at the double.
const STORE: &str = "SuiteStore";
/// Another store at the double, which is none of the instance's business.
pub const OTHER_STORE: &str = "OtherStore";
/// API key at the double, with the permissions that the product needs.
const API_KEY: &str = "suite-api-key";
/// Name of the operator, shown in the metadata.
pub const OPERATOR: &str = "Test Operator";

/// Where an instance runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// In this process.
    Native,
    /// `wrangler dev`: workerd, D1 and R2.
    Workerd,
    /// The Spin test host in this process.
    SpinTestHost(Reuse),
    /// `spin up`.
    Spin,
}

/// How much of its configuration an instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configured {
    /// All of it.
    Fully,
    /// All of it, after the signing key was changed: both keys verify, the new
    /// one signs.
    Rotated,
    /// Its address and nothing else: no key, no token, no payment provider.
    AddressOnly,
}

/// Why an instance did not start, with what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    fn new(what: &str, why: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

/// A running instance. Dropping it ends it and leaves nothing behind.
pub struct Instance {
    /// Its HTTP interface.
    pub api: Api,
    /// Its database, past its HTTP interface.
    pub database: Database,
    /// The key it signs with.
    pub signing_key: SigningKey,
    /// The payment provider it is connected to.
    pub btcpay: BtcPay,
    host: Host,
    // Ended before the folders go.
    running: Box<dyn Running>,
    folders: Arc<Releases>,
}

/// What keeps an instance alive while it exists.
trait Running: Send + Sync {}

/// What a host needs to start.
struct Setup {
    /// Configuration on top of [`shop::configuration`], by its upper-case name.
    config: Vec<(&'static str, String)>,
    releases: Arc<Releases>,
}

impl Setup {
    /// The whole configuration of an instance at this address.
    fn configuration(&self, base_url: &str) -> BTreeMap<String, String> {
        let mut all = shop::configuration(base_url);
        all.extend(
            self.config
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        all
    }
}

/// What a host gives back.
struct Started {
    base_url: String,
    database: Database,
    running: Box<dyn Running>,
}

impl Instance {
    /// Starts the double, then the instance, then tells the double where the
    /// webhook is.
    ///
    /// # Errors
    /// [`StartError`] with what is missing.
    pub async fn start(host: Host, configured: Configured) -> Result<Self, StartError> {
        let failed = |error: &dyn std::fmt::Display| StartError::new("the BTCPay double", error);
        let btcpay = BtcPay::builder()
            .store(STORE)
            .webhook_later(shop::WEBHOOK_SECRET)
            .store(OTHER_STORE)
            .api_key(API_KEY)
            .retry_speed(1_000)
            .strict()
            .start()
            .map_err(|error| failed(&error))?;
        let releases = Arc::new(Releases::write()?);
        let config = match configured {
            Configured::Fully | Configured::Rotated => [
                (name::BTCPAY_URL, btcpay.base_url()),
                (name::BTCPAY_API_KEY, API_KEY),
                (name::BTCPAY_STORE_ID, STORE),
                (name::BTCPAY_WEBHOOK_SECRET, shop::WEBHOOK_SECRET),
            ]
            .to_vec(),
            // On every host an empty value counts as none.
            Configured::AddressOnly => [
                name::SIGNING_KEY,
                name::VERIFY_KEYS,
                name::ADMIN_KEY,
                name::CRON_TOKEN,
                name::OPERATOR_NAME,
                name::BTCPAY_URL,
                name::BTCPAY_API_KEY,
                name::BTCPAY_STORE_ID,
                name::BTCPAY_WEBHOOK_SECRET,
            ]
            .map(|name| (name, ""))
            .to_vec(),
        };
        let config = config
            .into_iter()
            .map(|(name, value)| (name, value.to_owned()));
        let mut setup = Setup {
            config: config.collect(),
            releases: releases.clone(),
        };
        let mut signing_key = signing_key(shop::SIGNING_KEY)?;
        if configured == Configured::Rotated {
            let old = signing_key.public_key().to_hex();
            signing_key = self::signing_key(shop::NEXT_SIGNING_KEY)?;
            let both = format!("{},{old}", signing_key.public_key().to_hex());
            setup.config.extend([
                (name::SIGNING_KEY, shop::NEXT_SIGNING_KEY.to_owned()),
                (name::VERIFY_KEYS, both),
            ]);
        }
        let started = match host {
            Host::Native => native::start(setup).await?,
            Host::Workerd => workerd::start(setup).await?,
            Host::SpinTestHost(reuse) => spin_test_host::start(setup, reuse).await?,
            Host::Spin => spin::start(setup).await?,
        };
        btcpay.set_webhook_url(&format!("{}/v1/btcpay/webhook", started.base_url));
        Ok(Self {
            api: Api::new(started.base_url),
            database: started.database,
            signing_key,
            btcpay,
            host,
            running: started.running,
            folders: releases,
        })
    }

    /// Where it runs.
    #[must_use]
    pub fn host(&self) -> Host {
        self.host
    }

    /// The folder of releases, where the instance reads one; on Workers what
    /// its bucket was filled from.
    #[must_use]
    pub fn releases(&self) -> std::path::PathBuf {
        self.folders.path()
    }

    /// The keys that verify what it signs.
    ///
    /// # Panics
    /// Never: the key was parsed before.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a key of ours")]
    pub fn verify_keys(&self) -> VerifyKeys {
        self.signing_key
            .public_key()
            .to_hex()
            .parse()
            .expect("a public key")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // First of all, so that nothing is left that would call the double.
        self.running = Box::new(Ended);
    }
}

struct Ended;
impl Running for Ended {}

fn signing_key(seed: &str) -> Result<SigningKey, StartError> {
    SigningKey::from_seed_base64(seed)
        .map_err(|error| StartError::new("the signing key of the tests", error))
}
