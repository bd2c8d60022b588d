//! The release gate: what there is, and the files for those who may have them.
//! Needs no database: a token is checked by its signature alone. Where one is
//! bound, a license that was revoked opens nothing any more, and downloads are
//! logged.

mod binary;
mod channel_feed;
mod error;
mod extension;
mod files;
mod gate;
mod git;
mod headers;
mod install;
mod latest;
mod manifest;
mod manifest_cache;
mod named_file;
mod newest;
mod notes;
mod products;
mod public_key;
mod query;
mod site;
mod slash;
mod verify_key;
mod versions;

use axum::Router;
use axum::middleware::from_fn;
use error::GateError;
use git::Repository;
use keywright_license::VerifyKeys;
use keywright_ports::function::{Access, PortError};
use keywright_ports::{Database, Log, Releases, Stamps, name};
use keywright_ports::{Grants, Host, settings};
use keywright_services::configuration;
use keywright_store::operator::retention;
use keywright_web::Function;
use keywright_web::{RELEASES_SENDFILE, Sendfile, cors};
use manifest_cache::ManifestCache;
use notes::Journal;
use std::sync::Arc;

/// This function.
pub const FUNCTION: Function = Function {
    name: "download",
    grants: Grants {
        database: Access::ReadWrite,
        database_optional: true,
        config: &[
            name::CLIENT_ADDRESS_HEADER,
            name::VERIFY_KEYS,
            name::PUBLIC_URL,
            name::GIT_URL,
            name::RELEASES_SENDFILE,
            name::DOWNLOAD_LOG_DAYS,
        ],
        releases: Access::Read,
        ..Grants::NONE
    },
    router,
    migrations: keywright_store::MIGRATIONS,
    tick: None,
    settings: &[
        settings::CLIENT_ADDRESS_HEADER,
        settings::PUBLIC_URL,
        configuration::VERIFY_KEYS,
        configuration::DOWNLOAD_LOG_DAYS,
        RELEASES_SENDFILE,
        git::GIT_URL,
    ],
};

keywright_host::entry!(FUNCTION);

keywright_web::endpoints! {
    Ports;
    releases {
        products(query),
        versions(query),
        install(query),
        latest(query),
        channel_feed(query),
        manifest(query),
        binary(query),
        named_file(query),
        extension(query),
        verify_key(query),
        public_key(query),
        git(query),
    }
}

#[derive(Clone)]
struct Ports {
    releases: Releases,
    manifests: ManifestCache,
    stamps: Stamps,
    log: Log,
    /// The database, where the vendor bound one.
    database: Option<Database>,
    /// The log of downloads, where there is a database and one is kept.
    journal: Option<Journal>,
    /// The public keys, newest first, or why there are none.
    keys: Arc<Result<VerifyKeys, String>>,
    /// The front server that sends the bytes, where there is one.
    sendfile: Arc<Option<Sendfile>>,
    /// The public repository, where there is one.
    repository: Arc<Option<Repository>>,
    /// Where buyers reach this instance; empty where that is not configured.
    public_url: Arc<str>,
}

impl Ports {
    /// The public keys; without any, nothing that is gated opens.
    fn keys(&self) -> Result<&VerifyKeys, GateError> {
        self.keys.as_ref().as_ref().map_err(|reason| {
            GateError::unavailable("no public key is configured yet", reason.as_str())
        })
    }
}

fn router(host: &Host) -> Result<Router, PortError> {
    let ports = ports(host)?;
    let routes = releases()
        .router
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::wrong_method)
        .with_state(ports);
    Ok(cors(slash::optional(routes).layer(from_fn(headers::add))))
}

fn ports(host: &Host) -> Result<Ports, PortError> {
    let config = &host.config;
    let keys = configuration::verify_keys(config);
    let repository = config.get(name::GIT_URL);
    let repository = repository.and_then(|url| Repository::parse(url).ok());
    let kept = retention::Log::Downloads;
    let days = retention::days(kept, config.get(kept.config()));
    // What cannot be read must not stop the log.
    let database = host.optional_database()?;
    let journal = database.clone().filter(|_| days != Ok(0)).map(|database| {
        let (clock, log) = (host.clock.clone(), host.log.clone());
        Journal::new(database, clock, log, notes::statements)
    });
    let (releases, stamps) = (host.releases()?, host.stamps());
    let public_url = settings::public_url(config).unwrap_or_default();
    Ok(Ports {
        manifests: ManifestCache::new(releases.clone(), stamps.clone()),
        releases,
        stamps,
        log: host.log.clone(),
        database,
        journal,
        keys: Arc::new(keys),
        sendfile: Arc::new(Sendfile::configured(config)),
        repository: Arc::new(repository),
        public_url: public_url.trim_end_matches('/').into(),
    })
}
