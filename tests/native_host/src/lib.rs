//! The native host: a real `SQLite`, loopback HTTP, a folder of releases. It
//! exists for tests; the product runs on Workers and Spin.

mod clock;
mod counted_releases;
mod database;
mod faults;
mod faulty_writer;
mod fetch;
mod folder;
mod folder_writer;
mod later;
mod log;
mod mail;
mod page_folder;
mod serve;

pub use clock::{SetClock, SystemClock, SystemRandom};
pub use counted_releases::CountedReleases;
pub use database::SqliteDatabase;
pub use faults::{Fault, FaultyDatabase};
pub use faulty_writer::FaultyWriter;
pub use fetch::{HttpFetch, RouterFetch};
pub use folder::ReleaseFolder;
pub use folder_writer::FolderWriter;
pub use later::{after, finished, hold_background_waits};
pub use log::MemoryLog;
pub use page_folder::PageFolder;
pub use serve::serve;

use keywright_ports::AddressHeader;
use keywright_ports::function::{Access, Host, OutboundAccess};
use keywright_ports::{
    Clock, Config, DatabasePort, Fetch, Log, PageFiles, Random, ReleaseStore, ReleaseWrite,
};
use keywright_web::Function;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The header in which a test plays the address of a connection.
pub const CONNECTION_ADDRESS: &str = "native-client-addr";

/// Everything a native instance has; each function is handed only its grants.
#[derive(Clone)]
pub struct Native {
    /// The database of the instance.
    pub database: Arc<dyn DatabasePort>,
    /// Functions whose optional database is left out.
    pub without_database: &'static [&'static str],
    /// The release files.
    pub releases: Arc<dyn ReleaseStore>,
    /// The same, for writing; `None` as on Spin.
    pub release_writer: Option<Arc<dyn ReleaseWrite>>,
    /// The storefront's files.
    pub pages: Arc<dyn PageFiles>,
    /// The way out.
    pub outbound: Arc<dyn Fetch>,
    /// The way to sign; set once its router exists.
    pub sign: Option<Arc<dyn Fetch>>,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Secure randomness.
    pub random: Arc<dyn Random>,
    /// The configuration of the instance.
    pub config: BTreeMap<String, String>,
    /// Where log lines go.
    pub log: Arc<MemoryLog>,
}

impl Native {
    /// The ports of one function, and no others.
    #[must_use]
    pub fn host(&self, function: &Function) -> Host {
        let grants = function.grants;
        let granted = grants
            .config
            .iter()
            .filter_map(|name| Some((*name, self.config.get(*name)?.clone())));
        let config = Config::new(granted);
        let log = Log::new(function.name, self.log.clone());
        let address_header = AddressHeader::open(&config, Some(CONNECTION_ADDRESS));
        keywright_ports::settings::report(function.settings, &config, &log);
        let left_out = grants.database_optional && self.without_database.contains(&function.name);
        Host {
            function: function.name,
            grants,
            database: (grants.database != Access::None && !left_out).then(|| self.database.clone()),
            sign: self.sign.clone().filter(|_| grants.sign),
            outbound: (grants.outbound != OutboundAccess::None).then(|| self.outbound.clone()),
            mail_binding: grants
                .mail_binding
                .then(|| Arc::new(mail::PlayedBinding(self.outbound.clone())) as _),
            releases: (grants.releases != Access::None).then(|| self.releases.clone()),
            release_writer: self
                .release_writer
                .clone()
                .filter(|_| grants.releases == Access::ReadWrite),
            pages: grants.pages.then(|| self.pages.clone()),
            clock: self.clock.clone(),
            random: self.random.clone(),
            config,
            log,
            address_header,
        }
    }
}
