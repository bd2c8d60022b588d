//! Where releases are published: a server, a folder that a server mounts, or
//! both: a server that cannot write files, and the folder that it mounts.

mod api;
mod folder;
mod known;
mod merge;
mod upload;

pub(crate) use known::Publication;

use crate::clock;
use crate::digest::Digests;
use crate::error::CliError;
use api::Api;
use clap::Args;
use folder::Folder;
use keywright_domain::release::manifest::{ProductManifest, VersionManifest};
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use known::Change;
pub(crate) use known::{Changed, Keys, Known};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// Address of the Keywright instance. The key, `ADMIN_KEY` or one with the
    /// scope that this takes, comes from `KEYWRIGHT_API_KEY` or --api-key-file.
    #[arg(long, env = "KEYWRIGHT_URL", value_name = "URL")]
    server: Option<String>,
    /// File with the key.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The releases folder: without --server it is written alone; with one that
    /// cannot write files, it is the folder that the server mounts.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Sends the key over http:// to another machine.
    #[arg(long)]
    allow_http: bool,
}

/// What publishing needs.
const RELEASES_KEY: &str = "the key for the server";

/// An instance whose records are looked after.
#[derive(Debug, Args)]
pub(crate) struct Server {
    /// Address of the Keywright instance. `ADMIN_KEY` comes from `KEYWRIGHT_API_KEY`
    /// or --api-key-file.
    #[arg(long, env = "KEYWRIGHT_URL", value_name = "URL")]
    server: String,
    /// File with the key.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Sends the key over http:// to another machine.
    #[arg(long)]
    allow_http: bool,
}

impl Server {
    /// Opens it with this key; nothing is sent yet.
    pub(crate) fn open(&self, key: &str) -> Result<Api, CliError> {
        let key = api::key(self.api_key_file.as_deref(), key)?;
        Api::new(&self.server, Some(key), self.allow_http)
    }
}

/// An opened place.
pub(crate) struct Place {
    server: Option<Api>,
    folder: Option<Folder>,
}

impl Where {
    /// The server's address, where one is given.
    pub(crate) fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// Opens it; nothing is sent yet.
    pub(crate) fn open(&self) -> Result<Place, CliError> {
        let server = self.server.as_deref().map(|url| {
            let key = api::key(self.api_key_file.as_deref(), RELEASES_KEY)?;
            Api::new(url, Some(key), self.allow_http)
        });
        let folder = self.folder.as_deref().map(Folder::open);
        let place = Place {
            server: server.transpose()?,
            folder: folder.transpose()?,
        };
        if place.server.is_none() && place.folder.is_none() {
            return Err(CliError::usage(
                "say where: --server URL (or KEYWRIGHT_URL), or --folder DIR",
            ));
        }
        Ok(place)
    }
}

impl Place {
    /// The version as it is published; `None` when it is not.
    pub(crate) fn find(
        &self,
        product: &Slug,
        version: &Version,
    ) -> Result<Option<Known>, CliError> {
        match (&self.server, &self.folder) {
            (Some(server), _) => server.find(product, version),
            (None, Some(folder)) => folder.find(product, version),
            (None, None) => Ok(None),
        }
    }

    /// Like [`Self::find`]; an error when it is not published.
    pub(crate) fn get(&self, product: &Slug, version: &Version) -> Result<Known, CliError> {
        self.find(product, version)?.ok_or_else(|| {
            CliError::refused(format!(
                "{product} {version} is not published; `keywright release list` shows what is"
            ))
        })
    }

    /// Every published version, newest first.
    pub(crate) fn list(
        &self,
        product: Option<&Slug>,
        channel: Option<Channel>,
    ) -> Result<Vec<VersionManifest>, CliError> {
        match (&self.server, &self.folder) {
            (Some(server), _) => server.list(product, channel),
            (None, Some(folder)) => folder.list(product, channel),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// Brings the bytes of a file there. Nobody sees them before a version
    /// lists them.
    pub(crate) fn store(
        &self,
        product: &Slug,
        path: &Path,
        digests: &Digests,
    ) -> Result<(), CliError> {
        match (&self.folder, &self.server) {
            (Some(folder), _) => folder.store(product, path, digests),
            (None, Some(server)) => upload::upload(server, product, path, digests),
            (None, None) => Ok(()),
        }
    }

    /// Publishes files whose bytes are there.
    pub(crate) fn publish(&self, new: &Publication) -> Result<Changed, CliError> {
        let Some(server) = &self.server else {
            return self.locked(&new.product, |folder| folder.publish(new, clock::now()));
        };
        self.through(&new.product, &new.version, || server.publish(new))
    }

    /// Moves a version to another channel; the files have new signatures by
    /// platform.
    pub(crate) fn promote(
        &self,
        known: &Known,
        channel: Channel,
        signatures: BTreeMap<String, String>,
    ) -> Result<Changed, CliError> {
        self.change(
            known,
            &Change {
                channel: Some((channel, signatures)),
                ..Change::default()
            },
        )
    }

    /// Takes a version back with a reason, or offers it again.
    pub(crate) fn yank(&self, known: &Known, reason: Option<&str>) -> Result<Changed, CliError> {
        self.change(
            known,
            &Change {
                yank_reason: Some(reason.map(str::to_owned)),
                ..Change::default()
            },
        )
    }

    /// Offers a version to so many in a hundred installations.
    pub(crate) fn rollout(&self, known: &Known, percent: u8) -> Result<Changed, CliError> {
        self.change(
            known,
            &Change {
                rollout_percent: Some(percent),
                ..Change::default()
            },
        )
    }

    fn change(&self, known: &Known, change: &Change) -> Result<Changed, CliError> {
        let (product, version) = (&known.manifest.product, &known.manifest.version);
        let Some(server) = &self.server else {
            return self.locked(product, |folder| {
                folder.change(product, version, change, clock::now())
            });
        };
        self.through(product, version, || server.change(known, change))
    }

    /// Says who may download a product. Answers whether that is new.
    pub(crate) fn gate(&self, product: &Slug, gate: &ProductManifest) -> Result<bool, CliError> {
        let Some(server) = &self.server else {
            return self.locked(product, |folder| folder.gate(product, gate));
        };
        let set = || {
            let (changed, written) = server.gate(product, gate)?;
            let in_folder = match (&self.folder, written) {
                (_, true) => false,
                (Some(folder), false) => folder.gate(product, gate)?,
                (None, false) => return Err(needs_folder()),
            };
            Ok(changed || in_folder)
        };
        self.with_lock(product, set)
    }

    /// The public release keys of a product, which a server has.
    pub(crate) fn keys(&self, product: &Slug) -> Result<Vec<String>, CliError> {
        self.server.as_ref().ok_or_else(needs_server)?.keys(product)
    }

    /// Says which release keys a product has.
    pub(crate) fn set_keys(&self, product: &Slug, keys: &[String]) -> Result<Keys, CliError> {
        let server = self.server.as_ref().ok_or_else(needs_server)?;
        self.with_lock(product, || {
            let set = server.set_keys(product, keys)?;
            match (&self.folder, set.written) {
                (_, true) => {}
                (Some(folder), false) => folder.index(product, set.index.as_ref())?,
                (None, false) => return Err(needs_folder()),
            }
            Ok(set)
        })
    }

    /// Publishes the install script. Answers whether it is another one.
    pub(crate) fn installer(&self, product: &Slug, script: &str) -> Result<bool, CliError> {
        let Some(server) = &self.server else {
            return self.locked(product, |folder| folder.installer(product, script));
        };
        let set = || {
            let (changed, written) = server.installer(product, script)?;
            let in_folder = match (&self.folder, written) {
                (_, true) => false,
                (Some(folder), false) => folder.installer(product, script)?,
                (None, false) => return Err(needs_folder()),
            };
            Ok(changed || in_folder)
        };
        self.with_lock(product, set)
    }

    /// A change at the server, and in the folder what it could not write. The
    /// folder is locked around both, so that an older answer is never written
    /// over a newer one.
    fn through(
        &self,
        product: &Slug,
        version: &Version,
        change: impl FnOnce() -> Result<Changed, CliError>,
    ) -> Result<Changed, CliError> {
        self.with_lock(product, || {
            let mut changed = change()?;
            match (&self.folder, changed.written) {
                (_, true) => {}
                (Some(folder), false) => {
                    changed.changed |= folder.write(product, version, &changed.manifest)?;
                    folder.index(product, changed.index.as_ref())?;
                }
                (None, false) => return Err(needs_folder()),
            }
            Ok(changed)
        })
    }

    fn locked<T>(
        &self,
        product: &Slug,
        change: impl FnOnce(&Folder) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let folder = self.folder.as_ref().ok_or_else(needs_folder)?;
        self.with_lock(product, || change(folder))
    }

    fn with_lock<T>(
        &self,
        product: &Slug,
        change: impl FnOnce() -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let lock = self.folder.as_ref().map(|folder| folder.lock(product));
        let _held = lock.transpose()?;
        change()
    }
}

fn needs_server() -> CliError {
    CliError::usage("release keys are kept by a server: name it with --server URL or KEYWRIGHT_URL")
}

fn needs_folder() -> CliError {
    CliError::usage(
        "the server has recorded it and cannot write files: repeat this with --folder and the folder that it mounts",
    )
}

/// Fetches what a server serves to everybody, with a token where one is given.
pub(crate) use api::Api as Client;
