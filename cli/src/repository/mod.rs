//! The repository of releases: a server; a folder; or both, a server that cannot write
//! files and the folder that it mounts.

mod client;
mod failure;
mod folder;
mod merge;
mod server;
mod trust;
mod types;
mod upload;

pub(crate) use client::{Client, ServerAnswer};
pub(crate) use trust::TrustArgs;
pub(crate) use types::{Publication, PublishedVersion, ReleaseKeys, VersionOutcome};

use crate::clock;
use crate::digest::Digests;
use crate::error::CliError;
use crate::input;
use clap::Args;
use folder::Folder;
use keywright_domain::release::manifest::{ProductManifest, VersionManifest};
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use serde_json::{Map, Value};
use server::FileOutcome;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use types::VersionChange;

/// The arguments that name a repository.
#[derive(Debug, Args)]
pub(crate) struct RepositoryArgs {
    /// Address of the Keywright instance. The key comes from `KEYWRIGHT_API_KEY` or
    /// --api-key-file: `ADMIN_KEY`, or a key with the scope that the command needs.
    #[arg(long, env = "KEYWRIGHT_URL", value_name = "URL", value_parser = input::word)]
    server: Option<String>,
    /// File with the key.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The releases folder. Without --server, releases are published in the folder
    /// alone; with it, this is the folder that the server mounts and cannot write.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Allows sending the key over http:// to another machine.
    #[arg(long)]
    allow_http: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

/// The key that publishing needs, in error messages.
const RELEASES_KEY: &str = "the key for the server";

/// The arguments that name an instance, for commands that change its records.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Address of the Keywright instance. The key comes from `KEYWRIGHT_API_KEY` or
    /// --api-key-file.
    #[arg(long, env = "KEYWRIGHT_URL", value_name = "URL", value_parser = input::word)]
    server: String,
    /// File with the key.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Allows sending the key over http:// to another machine.
    #[arg(long)]
    allow_http: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

impl ServerArgs {
    /// A client with the key; `key` names the key in error messages. Sends nothing.
    pub(crate) fn open(&self, key: &str) -> Result<Client, CliError> {
        let key = client::key(self.api_key_file.as_deref(), key)?;
        Client::new(&self.server, Some(key), self.allow_http, &self.trust)
    }
}

/// An opened repository.
pub(crate) struct Repository {
    server: Option<Client>,
    folder: Option<Folder>,
}

impl RepositoryArgs {
    /// The server's address, if one is given.
    pub(crate) fn server(&self) -> Option<&str> {
        self.server.as_deref().filter(|url| !url.is_empty())
    }

    /// Opens the repository; sends nothing.
    pub(crate) fn open(&self) -> Result<Repository, CliError> {
        let server = self.server().map(|url| {
            let key = client::key(self.api_key_file.as_deref(), RELEASES_KEY)?;
            Client::new(url, Some(key), self.allow_http, &self.trust)
        });
        let folder = self.folder.as_deref().map(Folder::open);
        let repository = Repository {
            server: server.transpose()?,
            folder: folder.transpose()?,
        };
        if repository.server.is_none() && repository.folder.is_none() {
            return Err(CliError::usage(
                "--server URL (or KEYWRIGHT_URL) or --folder DIR is required",
            ));
        }
        Ok(repository)
    }
}

impl Repository {
    /// A published version; `None` when it is not published.
    pub(crate) fn find(
        &self,
        product: &Slug,
        version: &Version,
    ) -> Result<Option<PublishedVersion>, CliError> {
        match (&self.server, &self.folder) {
            (Some(server), _) => server.find(product, version),
            (None, Some(folder)) => folder.find(product, version),
            (None, None) => Ok(None),
        }
    }

    /// Like [`Self::find`]; an error when it is not published.
    pub(crate) fn get(
        &self,
        product: &Slug,
        version: &Version,
    ) -> Result<PublishedVersion, CliError> {
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

    /// Stores the bytes of a file. They cannot be downloaded before a version lists
    /// them.
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

    /// Publishes files whose bytes are stored.
    pub(crate) fn publish(&self, new: &Publication) -> Result<VersionOutcome, CliError> {
        let Some(server) = &self.server else {
            return self.locked(&new.product, |folder| folder.publish(new, clock::now()));
        };
        self.through(&new.product, &new.version, || server.publish(new))
    }

    /// Moves a version to another channel, with the files' new signatures by platform.
    pub(crate) fn promote(
        &self,
        published: &PublishedVersion,
        channel: Channel,
        signatures: BTreeMap<String, String>,
    ) -> Result<VersionOutcome, CliError> {
        self.change(
            published,
            &VersionChange {
                channel: Some((channel, signatures)),
                ..VersionChange::default()
            },
        )
    }

    /// Yanks a version with a reason, or undoes that.
    pub(crate) fn yank(
        &self,
        published: &PublishedVersion,
        reason: Option<&str>,
    ) -> Result<VersionOutcome, CliError> {
        self.change(
            published,
            &VersionChange {
                yank_reason: Some(reason.map(str::to_owned)),
                ..VersionChange::default()
            },
        )
    }

    /// Sets to how many percent of the installations a version is offered.
    pub(crate) fn rollout(
        &self,
        published: &PublishedVersion,
        percent: u8,
    ) -> Result<VersionOutcome, CliError> {
        self.change(
            published,
            &VersionChange {
                rollout_percent: Some(percent),
                ..VersionChange::default()
            },
        )
    }

    /// Replaces what the feeds of certain updaters need of a version.
    pub(crate) fn set_metadata(
        &self,
        published: &PublishedVersion,
        metadata: Map<String, Value>,
    ) -> Result<VersionOutcome, CliError> {
        self.change(
            published,
            &VersionChange {
                metadata: Some(metadata),
                ..VersionChange::default()
            },
        )
    }

    fn change(
        &self,
        published: &PublishedVersion,
        change: &VersionChange,
    ) -> Result<VersionOutcome, CliError> {
        let (product, version) = (&published.manifest.product, &published.manifest.version);
        let Some(server) = &self.server else {
            return self.locked(product, |folder| {
                folder.change(product, version, change, clock::now())
            });
        };
        self.through(product, version, || server.change(published, change))
    }

    /// Sets who may download a product. Returns true when that is different from before.
    pub(crate) fn set_gate(
        &self,
        product: &Slug,
        gate: &ProductManifest,
    ) -> Result<bool, CliError> {
        self.set_file(
            product,
            |server| server.set_gate(product, gate),
            |folder| folder.set_gate(product, gate),
        )
    }

    /// The public release keys of a product; only a server has them.
    pub(crate) fn keys(&self, product: &Slug) -> Result<Vec<String>, CliError> {
        self.server.as_ref().ok_or_else(needs_server)?.keys(product)
    }

    /// Sets the release keys of a product.
    pub(crate) fn set_keys(
        &self,
        product: &Slug,
        keys: &[String],
    ) -> Result<ReleaseKeys, CliError> {
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

    /// Publishes the install script. Returns true when it is different from before.
    pub(crate) fn set_installer(&self, product: &Slug, script: &str) -> Result<bool, CliError> {
        self.set_file(
            product,
            |server| server.set_installer(product, script),
            |folder| folder.set_installer(product, script),
        )
    }

    /// Sets a file of a product at the server, and in the folder if the server cannot
    /// write it. Returns true when either is different from before.
    fn set_file(
        &self,
        product: &Slug,
        at_server: impl FnOnce(&Client) -> Result<FileOutcome, CliError>,
        in_folder: impl FnOnce(&Folder) -> Result<bool, CliError>,
    ) -> Result<bool, CliError> {
        let Some(server) = &self.server else {
            return self.locked(product, in_folder);
        };
        self.with_lock(product, || {
            let outcome = at_server(server)?;
            let folder_changed = match (&self.folder, outcome.written) {
                (_, true) => false,
                (Some(folder), false) => in_folder(folder)?,
                (None, false) => return Err(needs_folder()),
            };
            Ok(outcome.changed || folder_changed)
        })
    }

    /// Changes a version at the server, and writes in the folder what the server could
    /// not. The folder is locked around both, so that an older answer never overwrites
    /// a newer one.
    fn through(
        &self,
        product: &Slug,
        version: &Version,
        change: impl FnOnce() -> Result<VersionOutcome, CliError>,
    ) -> Result<VersionOutcome, CliError> {
        self.with_lock(product, || {
            let mut outcome = change()?;
            match (&self.folder, outcome.written) {
                (_, true) => {}
                (Some(folder), false) => {
                    outcome.changed |= folder.write(product, version, &outcome.manifest)?;
                    folder.index(product, outcome.index.as_ref())?;
                }
                (None, false) => return Err(needs_folder()),
            }
            Ok(outcome)
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
    CliError::usage("release keys are kept by the server; pass --server URL or set KEYWRIGHT_URL")
}

fn needs_folder() -> CliError {
    CliError::usage(
        "the server has recorded the change but cannot write files; run the command again with --folder DIR, the folder that it mounts",
    )
}
