//! One running instance of Keywright, on any of its hosts, with the doubles of
//! `BTCPay` and Zaprite beside it. All of them are configured alike, so that the suite can
//! expect the same of each.

mod api;
mod database;
mod front;
mod native;
mod ports;
mod process;
pub mod releases;
mod spin;
mod spin_test_host;
mod webhook_receiver;
mod workerd;

pub use api::{Answer, Api};
pub use database::Database;
pub(crate) use database::RUNS_ALONE;
pub use front::{Front, FrontServer, SENDFILE};
pub use process::{root, tool};
pub use webhook_receiver::{Answering, Arrived, WebhookReceiver};

pub use spin_test_host::Reuse;

use crate::shop;
use keywright_btcpay_double::BtcPay;
use keywright_btcpay_double::permission::{LICENSE_SHOP, VIEW_STORE_SETTINGS};
use keywright_domain::dates::utc_day;
use keywright_license::{SigningKey, VerifyKeys};
use keywright_native_host::SystemClock;
use keywright_ports::{Clock, name};
use keywright_rpc_double::{Chain, Endpoint};
use keywright_zaprite_double::Zaprite;
use releases::Releases;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Store id at the double.
const STORE: &str = "SuiteStore";
/// Another store at the double, which is none of the instance's business.
pub const OTHER_STORE: &str = "OtherStore";
/// A store at the double that businesses of cases connect.
pub const SHOP_STORE: &str = "ShopStore";
/// API key at the double, with the permissions that the product needs.
const API_KEY: &str = "suite-api-key";
/// The vendor's public repository.
pub const GIT_URL: &str = "https://git.example/vendor";
/// Name of the operator, shown in the metadata.
pub const OPERATOR: &str = "Test Operator";

/// The vendor's wallet.
pub const WALLET: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
/// Blocks that the chain has before an instance starts; the newest is of now.
const BLOCKS_BEFORE: u64 = 1_000;

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
    /// All of it, and the release gate's optional database left out.
    GateAlone,
    /// All of it, and the huge file among the releases.
    WithHugeFile,
    /// All of it, and mail leaves through the platform's e-mail binding.
    WithMailBinding,
    /// All of it, behind a front server that sends the release files.
    Behind(Front),
    /// Its address and nothing else: no key, no token, no payment provider.
    AddressOnly,
}

/// Why an instance did not start, with what to do about it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct StartError(String);

impl StartError {
    pub(crate) fn new(what: &str, why: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

/// A running instance. Dropping it ends it and leaves nothing behind.
pub struct Instance {
    /// Its HTTP interface.
    pub api: Api,
    /// The same past a front server, where there is one.
    pub direct: Api,
    /// The front server, where there is one.
    pub front: Option<Front>,
    /// Its database, past its HTTP interface.
    pub database: Database,
    /// The key it signs with.
    pub signing_key: SigningKey,
    /// The payment provider it is connected to.
    pub btcpay: BtcPay,
    /// The other payment provider, which businesses of cases connect.
    pub zaprite: Zaprite,
    /// The chain it is paid on in USDC.
    pub chain: Chain,
    /// The RPC endpoint that tells of it.
    pub rpc: Endpoint,
    /// Where its webhooks may go, and its mail goes.
    pub webhooks: WebhookReceiver,
    host: Host,
    // Ended before the folders go.
    running: Box<dyn Running>,
    folders: Arc<Releases>,
}

/// What keeps an instance alive while it exists.
trait Running: Send + Sync {
    /// What it has logged so far.
    fn log(&self) -> String {
        String::new()
    }
}

/// What a host needs to start.
struct Setup {
    /// Configuration on top of [`shop::configuration`], by its upper-case name.
    config: Vec<(&'static str, String)>,
    releases: Arc<Releases>,
    /// Functions whose optional database is left out.
    without_database: &'static [&'static str],
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

/// What an instance does not have that has its address and nothing else.
const LEFT_OUT: [&str; 16] = [
    name::SIGNING_KEY,
    name::VERIFY_KEYS,
    name::ADMIN_KEY,
    name::CRON_TOKEN,
    name::OPERATOR_NAME,
    name::CLIENT_ADDRESS_HEADER,
    name::BTCPAY_URL,
    name::BTCPAY_API_KEY,
    name::BTCPAY_STORE_ID,
    name::BTCPAY_WEBHOOK_SECRET,
    name::CREDENTIALS_KEY,
    name::RECEIPT_KEYS,
    name::WEBHOOK_KEY,
    name::SEAL_KEY,
    name::POLYGON_RPC_URLS,
    name::WALLET_ADDRESS,
];

/// What an instance has on top of [`shop::configuration`].
fn whole_configuration(
    btcpay: &BtcPay,
    zaprite: &Zaprite,
    rpc: &Endpoint,
    webhooks: &WebhookReceiver,
) -> Vec<(&'static str, String)> {
    let webhook_hosts = webhooks.base_url().replace("http://", "https://");
    let mail_url = format!("{}/mail", webhooks.base_url());
    let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
    [
        (name::BTCPAY_URL, btcpay.base_url()),
        (name::BTCPAY_API_KEY, API_KEY),
        (name::BTCPAY_STORE_ID, STORE),
        (name::BTCPAY_WEBHOOK_SECRET, shop::WEBHOOK_SECRET),
        (name::ZAPRITE_URL, zaprite.base_url()),
        (name::GIT_URL, GIT_URL),
        (name::SANDBOX_MODE, "1"),
        // Open while the instance runs, also over midnight.
        (
            name::RECEIPT_SEALING_UNTIL,
            utc_day(SystemClock.unix_seconds() + 86_400).as_str(),
        ),
        (name::POLYGON_RPC_URLS, rpc.url().as_str()),
        (name::WALLET_ADDRESS, WALLET),
        (
            name::WEBHOOK_HOSTS,
            format!("{},{webhook_hosts}", webhooks.base_url()).as_str(),
        ),
        (name::WEBHOOK_PRIVATE, "1"),
        // With mail, the statements of the default are too few for five endpoints at once.
        (name::WEBHOOKS_PER_TICK, "450"),
    ]
    .into_iter()
    .chain(mail_api(&mail_url))
    .map(owned)
    .collect()
}

impl Instance {
    /// Starts the double, then the instance, then tells the double where the
    /// webhook is.
    ///
    /// # Errors
    /// [`StartError`] with what is missing.
    pub async fn start(host: Host, configured: Configured) -> Result<Self, StartError> {
        let btcpay = played_btcpay()?;
        let zaprite = Zaprite::start();
        let zaprite = zaprite.map_err(|error| StartError::new("the Zaprite double", error))?;
        let (chain, rpc) = played_chain()?;
        let webhooks = WebhookReceiver::start()?;
        let with_huge = configured == Configured::WithHugeFile;
        let releases = Arc::new(Releases::write(with_huge)?);
        let config = match configured {
            Configured::Fully
            | Configured::Rotated
            | Configured::GateAlone
            | Configured::WithHugeFile
            | Configured::WithMailBinding
            | Configured::Behind(_) => whole_configuration(&btcpay, &zaprite, &rpc, &webhooks),
            // On every host an empty value counts as none.
            Configured::AddressOnly => LEFT_OUT.map(|name| (name, String::new())).to_vec(),
        };
        let mut setup = Setup {
            config,
            releases: releases.clone(),
            without_database: match configured {
                Configured::GateAlone => &["download"],
                _ => &[],
            },
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
        if configured == Configured::WithMailBinding {
            let transport = (name::MAIL_TRANSPORT, "cloudflare".to_owned());
            setup.config.push(transport);
        }
        if matches!(configured, Configured::Behind(_)) {
            let sendfile = (name::RELEASES_SENDFILE, front::SENDFILE.to_owned());
            setup.config.push(sendfile);
        }
        let mut started = match host {
            Host::Native => native::start(setup).await?,
            Host::Workerd => workerd::start(setup).await?,
            Host::SpinTestHost(reuse) => spin_test_host::start(setup, reuse).await?,
            Host::Spin => spin::start(setup).await?,
        };
        btcpay.set_webhook_url(&format!("{}/v1/btcpay/webhook", started.base_url));
        let direct = Api::new(started.base_url.clone());
        // On Spin a function makes the database when it first uses it, and a case
        // may look into it before.
        direct.get("/v1/products").await;
        let front = match configured {
            Configured::Behind(front) => Some(front),
            _ => None,
        };
        if let Some(front) = front {
            let folder = releases.path();
            let server = FrontServer::start(front, &started.base_url, &folder).await?;
            started.base_url.clone_from(&server.base_url);
            started.running = Box::new((server, started.running));
        }
        Ok(Self {
            api: Api::new(started.base_url),
            direct,
            front,
            database: started.database,
            signing_key,
            btcpay,
            zaprite,
            chain,
            rpc,
            webhooks,
            host,
            running: started.running,
            folders: releases,
        })
    }

    /// What it has logged so far; a front server's own log is not in it.
    #[must_use]
    pub fn log(&self) -> String {
        self.running.log()
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

/// Mail through an API at this URL.
fn mail_api(url: &str) -> [(&'static str, &str); 8] {
    [
        (name::MAIL_TRANSPORT, "http"),
        (name::MAIL_URL, url),
        (name::MAIL_API_KEY, "mail-key"),
        (
            name::MAIL_HEADERS,
            r#"{"Authorization":"Bearer {{api_key}}"}"#,
        ),
        (name::MAIL_TEMPLATE, shop::MAIL_TEMPLATE),
        (name::MAIL_FROM, "shop@x.example"),
        (name::MAIL_KEY, shop::MAIL_KEY),
        (name::MAIL_PER_DAY, "100000"),
    ]
}

/// The payment provider's double, with the instance's store, another one, and
/// one that businesses of cases connect.
fn played_btcpay() -> Result<BtcPay, StartError> {
    let permissions = [&LICENSE_SHOP[..], &[VIEW_STORE_SETTINGS]].concat();
    BtcPay::builder()
        .store(STORE)
        .webhook_later(shop::WEBHOOK_SECRET)
        .store(OTHER_STORE)
        .store(SHOP_STORE)
        .api_key_with(API_KEY, &permissions)
        .retry_speed(1_000)
        .strict()
        .start()
        .map_err(|error| StartError::new("the BTCPay double", error))
}

impl Drop for Instance {
    fn drop(&mut self) {
        // First of all, so that nothing is left that would call the double.
        self.running = Box::new(Ended);
    }
}

/// A chain whose newest block is of now, and an endpoint that tells of it.
fn played_chain() -> Result<(Chain, Endpoint), StartError> {
    let genesis = SystemClock.unix_seconds() - 2 * BLOCKS_BEFORE.cast_signed();
    let chain = Chain::new(137, genesis);
    chain.mine(BLOCKS_BEFORE);
    let rpc = Endpoint::start(&chain);
    let rpc = rpc.map_err(|error| StartError::new("the RPC double", error))?;
    Ok((chain, rpc))
}

/// A front server ends before what is behind it.
impl Running for (FrontServer, Box<dyn Running>) {
    fn log(&self) -> String {
        self.1.log()
    }
}

struct Ended;
impl Running for Ended {}

fn signing_key(seed: &str) -> Result<SigningKey, StartError> {
    SigningKey::from_seed_base64(seed)
        .map_err(|error| StartError::new("the signing key of the tests", error))
}
