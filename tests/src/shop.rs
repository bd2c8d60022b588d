//! All functions in this process over the native host: a real `SQLite`, a
//! folder of releases, a clock that a test sets, a database that breaks on
//! demand.

use crate::hosts::root;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use keywright_license::SigningKey;
use keywright_native_host::{
    CountedReleases, FaultyDatabase, FaultyWriter, FolderWriter, HttpFetch, MemoryLog, Native,
    PageFolder, ReleaseFolder, RouterFetch, SqliteDatabase, SystemRandom,
};
use keywright_ports::Host;
use keywright_ports::{Clock, DatabasePort, Fetch, name};
use keywright_web::Function;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Every function that has a public route, with its service binding's name.
pub const FUNCTIONS: &[(&str, &Function)] = &[
    ("ADMIN", &keywright_admin::FUNCTION),
    ("DOWNLOAD", &keywright_download::FUNCTION),
    ("PAGES", &keywright_pages::FUNCTION),
    ("PURCHASE", &keywright_purchase::FUNCTION),
    ("DELIVER", &keywright_deliver::FUNCTION),
    ("RENEW", &keywright_renew::FUNCTION),
    ("UPDATES", &keywright_updates::FUNCTION),
    ("VALIDATE", &keywright_validate::FUNCTION),
    ("WATCH", &keywright_watch::FUNCTION),
    ("WEBHOOK", &keywright_webhook::FUNCTION),
];

/// A seed for tests: 32 bytes of 0x5a, in base64.
pub const SIGNING_KEY: &str = "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=";
/// The seed that takes its place where a test changes the key: 32 bytes of
/// 0x61, in base64.
pub const NEXT_SIGNING_KEY: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
/// The operator's key in tests.
pub const ADMIN_KEY: &str = "test-admin-key-0123456789abcdef0123456789";
/// What seals credentials in tests: 32 bytes in base64 that look random.
pub const CREDENTIALS_KEY: &str = "dd92pek4BBMGpmlT62qnBtXSg7xlfxuJA+alDIV3b7A=";
/// What seals receipts in tests: 32 different bytes in base64.
pub const RECEIPT_KEY: &str = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8=";
/// What seals the secrets of webhook endpoints in tests.
pub const WEBHOOK_KEY: &str = "MWUyZjNhNGI1YzZkN2U4ZjkwYTFiMmMzZDRlNWY2MDc=";
/// What seals the audit log in tests: 32 bytes of 0x62, in base64.
pub const SEAL_KEY: &str = "YmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmJiYmI=";
/// The cron token in tests.
pub const CRON_TOKEN: &str = "test-cron-token-0123456789abcdef012345678";
/// The header in which a test plays a proxy that tells the caller's address.
pub const CLIENT_ADDRESS_HEADER: &str = "x-forwarded-for";
/// What links in mails are derived with in tests.
pub const MAIL_KEY: &str = "Q0dH3k2mWm0h7vXyqkqf3y9Z8c1nN5bTtR4uLwEoJ6A=";

/// What is posted to the mail API in tests; on one line, as wrangler takes it.
pub const MAIL_TEMPLATE: &str = r#"{"from":"{{from}}","to":["{{to}}"],"subject":"{{subject}}","text":"{{text}}","html":"{{html}}"}"#;

/// The secret of the webhook in tests.
pub const WEBHOOK_SECRET: &str = "webhook-test-secret";

/// An address that no other call of this process got, in a /32 of its own: a
/// caller whom no limit has counted before.
pub fn new_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let [a, b, c, d] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!(
        "{:x}:{:x}::1",
        0x2600 + u16::from_be_bytes([a, b]),
        u16::from_be_bytes([c, d])
    )
}

/// What makes one shop differ from another.
pub struct Setup {
    /// Configuration on top of [`configuration`]; an empty value removes one.
    pub config: Vec<(&'static str, String)>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Folder of releases.
    pub releases: PathBuf,
    /// Functions whose optional database is left out.
    pub without_database: &'static [&'static str],
}

/// All functions of one instance.
pub struct Shop {
    /// The instance's outside things.
    pub native: Native,
    /// The database, to break it.
    pub database: Arc<FaultyDatabase>,
    /// Where releases are written, to break it.
    pub release_writer: Arc<FaultyWriter>,
    /// What is read of the releases, to count it.
    pub storage_reads: Arc<CountedReleases>,
    routers: BTreeMap<&'static str, (Host, Router)>,
    sign: (Host, Router),
}

/// The usual configuration of a test, without a payment provider.
///
/// # Panics
/// When [`SIGNING_KEY`] is not a key.
#[must_use]
pub fn configuration(public_url: &str) -> BTreeMap<String, String> {
    #[expect(clippy::expect_used, reason = "a constant")]
    let key = SigningKey::from_seed_base64(SIGNING_KEY).expect("a seed");
    [
        (name::SIGNING_KEY, SIGNING_KEY.to_owned()),
        (name::VERIFY_KEYS, key.public_key().to_hex()),
        (name::ADMIN_KEY, ADMIN_KEY.to_owned()),
        (name::CRON_TOKEN, CRON_TOKEN.to_owned()),
        (name::CREDENTIALS_KEY, CREDENTIALS_KEY.to_owned()),
        (name::RECEIPT_KEYS, RECEIPT_KEY.to_owned()),
        (name::WEBHOOK_KEY, WEBHOOK_KEY.to_owned()),
        (name::SEAL_KEY, SEAL_KEY.to_owned()),
        (name::PUBLIC_URL, public_url.to_owned()),
        (name::OPERATOR_NAME, "Test Operator".to_owned()),
        (
            name::CLIENT_ADDRESS_HEADER,
            CLIENT_ADDRESS_HEADER.to_owned(),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

impl Shop {
    /// Opens a shop with an empty database.
    ///
    /// # Panics
    /// When the database or a router cannot be made: then the test is wrong.
    #[must_use]
    pub fn open(setup: Setup) -> Self {
        Self::open_with(setup, Arc::new(HttpFetch::new()))
    }

    /// As [`Self::open`], with another way out.
    ///
    /// # Panics
    /// As [`Self::open`].
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without its shop")]
    pub fn open_with(setup: Setup, outbound: Arc<dyn Fetch>) -> Self {
        let sqlite = SqliteDatabase::in_memory(keywright_store::MIGRATIONS).expect("a database");
        Self::open_over(setup, outbound, Arc::new(sqlite))
    }

    /// As [`Self::open_with`], over a database that exists: what an instance
    /// is after it was deployed anew.
    ///
    /// # Panics
    /// As [`Self::open`].
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test cannot go on without its shop")]
    pub fn open_over(
        setup: Setup,
        outbound: Arc<dyn Fetch>,
        database: Arc<dyn DatabasePort>,
    ) -> Self {
        let database = Arc::new(FaultyDatabase::new(database));
        let mut config = configuration("http://shop.test");
        for (name, value) in setup.config {
            config.insert(name.to_owned(), value);
        }
        let release_writer = Arc::new(FaultyWriter::new(Arc::new(FolderWriter::new(
            setup.releases.clone(),
        ))));
        let folder = Arc::new(ReleaseFolder::new(setup.releases.clone()));
        let storage_reads = Arc::new(CountedReleases::new(folder));
        let mut native = Native {
            database: database.clone(),
            without_database: setup.without_database,
            releases: storage_reads.clone(),
            release_writer: Some(release_writer.clone()),
            pages: Arc::new(PageFolder::new(root().join("static"))),
            outbound,
            sign: None,
            clock: setup.clock,
            random: Arc::new(SystemRandom),
            config,
            log: Arc::new(MemoryLog::default()),
        };
        let sign = opened(&native, &keywright_sign::FUNCTION).expect("the sign function");
        let (host, router) = sign.clone();
        native.sign = Some(Arc::new(RouterFetch { host, router }));
        let routers = FUNCTIONS
            .iter()
            .map(|(binding, function)| {
                (
                    *binding,
                    opened(&native, function).expect("a router of every function"),
                )
            })
            .collect();
        Self {
            native,
            database,
            release_writer,
            storage_reads,
            routers,
            sign,
        }
    }

    /// Answers a request as the gateway would, by the gateway's own table.
    ///
    /// # Panics
    /// When the table has no function for the path.
    #[expect(clippy::expect_used, reason = "the table has a row for every path")]
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let binding =
            keywright_gateway::routes::binding_for(request.uri().path()).expect("a function");
        let (host, router) = &self.routers[binding];
        keywright_native_host::serve(host, router, request).await
    }

    /// As [`Self::answer`], with the whole body collected.
    ///
    /// # Panics
    /// When the body breaks off.
    #[expect(clippy::expect_used, reason = "bodies of this host are in memory")]
    pub async fn call(&self, request: Request<Body>) -> Response<Bytes> {
        let (parts, body) = self.answer(request).await.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Response::from_parts(parts, body)
    }

    /// The sign function, which no path leads to.
    pub fn sign(&self) -> &(Host, Router) {
        &self.sign
    }

    /// The ports and routes of a function, by its binding.
    pub fn function(&self, binding: &str) -> &(Host, Router) {
        &self.routers[binding]
    }
}

fn opened(
    native: &Native,
    function: &Function,
) -> Result<(Host, Router), keywright_ports::function::PortError> {
    let host = native.host(function);
    let router = (function.router)(&host)?;
    Ok((host, router))
}
