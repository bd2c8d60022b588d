//! The releases folder. Files are written under another name and renamed, so that
//! readers see whole files; every change of a product holds the product's lock.

use super::merge;
use super::types::{Publication, PublishedVersion, VersionChange, VersionOutcome};
use crate::digest::{Digests, Hashes, each_piece, of_file, open};
use crate::error::CliError;
use keywright_domain::release::advice::{self, Advice, KnownVersion};
use keywright_domain::release::index::{IndexedVersion, index_key};
use keywright_domain::release::manifest::{
    ManifestError, ProductManifest, VersionManifest, content_key, product_key, version_key,
};
use keywright_domain::release::{Channel, Name, ReleaseIndex, Version};
use keywright_domain::slug::Slug;
use serde::Serialize;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A folder of releases.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        if path.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(CliError::usage(format!(
                "--folder must name an existing folder, not {}",
                path.display()
            )))
        }
    }

    /// Locks a product; dropping the file releases the lock.
    pub(super) fn lock(&self, product: &Slug) -> Result<File, CliError> {
        let path = self.0.join(product.as_str()).join(".lock");
        let locked = make_parent(&path)
            .and_then(|()| File::create(&path))
            .and_then(|file| file.lock().map(|()| file));
        locked.map_err(|error| CliError::file(&path, error))
    }

    pub(super) fn find(
        &self,
        product: &Slug,
        version: &Version,
    ) -> Result<Option<PublishedVersion>, CliError> {
        let manifest = self.manifest(product, version.as_str())?;
        Ok(manifest.map(|manifest| PublishedVersion { id: None, manifest }))
    }

    fn manifest(&self, product: &Slug, version: &str) -> Result<Option<VersionManifest>, CliError> {
        let path = self.0.join(version_key(product, version));
        let Some(json) = read(&path)? else {
            return Ok(None);
        };
        match VersionManifest::read(&json, product, version) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(ManifestError::Format) => Err(CliError::refused(format!(
                "{}: this version has the layout of an older server and cannot be changed; publish a new version",
                path.display()
            ))),
            Err(error) => Err(CliError::file(&path, error)),
        }
    }

    pub(super) fn list(
        &self,
        product: Option<&Slug>,
        channel: Option<Channel>,
    ) -> Result<Vec<VersionManifest>, CliError> {
        let products = match product {
            Some(product) => vec![product.clone()],
            None => folders(&self.0)?
                .iter()
                .filter_map(|name| Slug::parse(name).ok())
                .collect(),
        };
        let mut all = Vec::new();
        for product in products {
            for version in folders(&self.0.join(product.as_str()))? {
                let path = self.0.join(version_key(&product, &version));
                let json = read(&path)?.unwrap_or_default();
                // Versions of the older layout have no channel.
                let manifest = VersionManifest::read(&json, &product, &version).ok();
                all.extend(manifest.filter(|m| channel.is_none_or(|c| m.channel == c)));
            }
        }
        all.sort_by_key(|manifest| std::cmp::Reverse(manifest.published_at_unix));
        Ok(all)
    }

    /// Copies a file to where its digest says.
    pub(super) fn store(
        &self,
        product: &Slug,
        from: &Path,
        digests: &Digests,
    ) -> Result<(), CliError> {
        let path = self.0.join(content_key(product, &digests.sha256));
        if path.is_file() && of_file(&path).is_ok_and(|there| there == *digests) {
            return Ok(());
        }
        let mut source = open(from)?;
        let mut hashes = Hashes::default();
        let staged = stage(&path, |file| {
            each_piece(&mut source, |piece| {
                hashes.update(piece);
                file.write_all(piece)
            })
        })?;
        if hashes.finish()? != *digests {
            // Best effort: nothing reads a file of this name.
            let _ = std::fs::remove_file(&staged);
            return Err(CliError::file(
                from,
                "the file changed while it was being copied",
            ));
        }
        std::fs::rename(&staged, &path).map_err(|error| CliError::file(&path, error))
    }

    pub(super) fn publish(&self, new: &Publication, now: i64) -> Result<VersionOutcome, CliError> {
        let there = self.manifest(&new.product, new.version.as_str())?;
        let merged = merge::publish(there, new, now)?;
        self.check_declared(&merged.manifest)?;
        if merged.changed {
            self.write(&new.product, &new.version, &merged.manifest)?;
        }
        self.index(&new.product, None)?;
        Ok(VersionOutcome {
            advice: self.advice(&merged.manifest)?,
            manifest: merged.manifest,
            changed: merged.changed,
            ignored: merged.ignored,
            written: true,
            index: None,
        })
    }

    pub(super) fn change(
        &self,
        product: &Slug,
        version: &Version,
        change: &VersionChange,
        now: i64,
    ) -> Result<VersionOutcome, CliError> {
        let there = self.manifest(product, version.as_str())?;
        let there = there.ok_or_else(|| {
            CliError::refused(format!("{product} {version} is no longer published"))
        })?;
        let manifest = merge::change(&there, change, now)?;
        let changed = self.write(product, version, &manifest)?;
        self.index(product, None)?;
        Ok(VersionOutcome {
            advice: self.advice(&manifest)?,
            manifest,
            changed,
            ignored: Vec::new(),
            written: true,
            index: None,
        })
    }

    /// What to know about a version, by the others of this folder.
    fn advice(&self, manifest: &VersionManifest) -> Result<Advice, CliError> {
        let others = self.others(manifest)?;
        Ok(advice::advise(
            &KnownVersion::of_manifest(manifest),
            &others,
        ))
    }

    /// Refuses a version with metadata for an updater whose feed would skip it.
    fn check_declared(&self, manifest: &VersionManifest) -> Result<(), CliError> {
        let declared = advice::declared(None, &manifest.metadata);
        let known = KnownVersion::of_manifest(manifest);
        let mut skipping = advice::skipped_by(&known, &self.others(manifest)?).into_iter();
        match skipping.find(|skip| declared.contains(&skip.updater)) {
            Some(skip) => Err(CliError::usage(skip.advice(&manifest.version))),
            None => Ok(()),
        }
    }

    /// The other versions of the product.
    fn others(&self, manifest: &VersionManifest) -> Result<Vec<KnownVersion>, CliError> {
        let others = self.list(Some(&manifest.product), None)?;
        let others = others.iter().filter(|one| one.version != manifest.version);
        Ok(others.map(KnownVersion::of_manifest).collect())
    }

    /// Writes the manifest of a version, which publishes it. Returns true when it is
    /// different from before.
    pub(super) fn write(
        &self,
        product: &Slug,
        version: &Version,
        manifest: &VersionManifest,
    ) -> Result<bool, CliError> {
        for artifact in &manifest.artifacts {
            let path = self.0.join(content_key(product, &artifact.sha256));
            if !path.is_file() {
                return Err(CliError::refused(format!(
                    "{} is missing from the folder; publish the file for {} with this --folder first",
                    path.display(),
                    artifact.platform
                )));
            }
        }
        let path = self.0.join(version_key(product, version.as_str()));
        write_json(&path, manifest)
    }

    /// Writes the index of a product: the versions of this folder that are offered. It
    /// is written after the manifests. A version that the server lists is taken from the
    /// server; another one from its manifest or, without a manifest, from its files.
    pub(super) fn index(
        &self,
        product: &Slug,
        server: Option<&ReleaseIndex>,
    ) -> Result<(), CliError> {
        let mut versions = Vec::new();
        for name in folders(&self.0.join(product.as_str()))? {
            let Ok(version) = Version::parse(&name) else {
                continue;
            };
            let mut listed = server.iter().flat_map(|index| &index.versions);
            if let Some(listed) = listed.find(|listed| listed.version == version) {
                let path = self.0.join(version_key(product, &name));
                if path.is_file() && !listed.files.is_empty() {
                    versions.push(listed.clone());
                }
                continue;
            }
            let path = self.0.join(version_key(product, &name));
            let json = read(&path)?;
            match json.map(|json| VersionManifest::read(&json, product, &name)) {
                Some(Ok(manifest)) => versions.extend(IndexedVersion::of_manifest(&manifest)),
                None | Some(Err(ManifestError::Format)) => {
                    let files = files(&self.0.join(product.as_str()).join(&name))?;
                    if !files.is_empty() {
                        versions.push(IndexedVersion::of_folder(version, files));
                    }
                }
                // A damaged manifest: the gate does not offer this version either.
                Some(Err(_)) => {}
            }
        }
        let index = ReleaseIndex::new(product.clone(), versions);
        write_json(&self.0.join(index_key(product)), &index).map(drop)
    }

    pub(super) fn set_gate(
        &self,
        product: &Slug,
        gate: &ProductManifest,
    ) -> Result<bool, CliError> {
        write_json(&self.0.join(product_key(product)), gate)
    }

    pub(super) fn set_installer(&self, product: &Slug, script: &str) -> Result<bool, CliError> {
        let path = self.0.join(product.as_str()).join("install.sh");
        write_bytes(&path, script.as_bytes())
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, CliError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(CliError::file(path, error)),
    }
}

/// Names of the folders in a folder; none when the folder does not exist.
fn folders(path: &Path) -> Result<Vec<String>, CliError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(CliError::file(path, error)),
    };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

/// Names of the files in a folder that can be downloaded.
fn files(path: &Path) -> Result<Vec<String>, CliError> {
    let entries = std::fs::read_dir(path).map_err(|error| CliError::file(path, error))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Name::parse(name).is_ok())
        .collect();
    names.sort();
    Ok(names)
}

fn write_json(path: &Path, json: &impl Serialize) -> Result<bool, CliError> {
    let bytes = serde_json::to_vec(json).map_err(|error| CliError::file(path, error))?;
    write_bytes(path, &bytes)
}

/// Writes a small file, unless it has these bytes already. Returns true when it
/// wrote.
fn write_bytes(path: &Path, bytes: &[u8]) -> Result<bool, CliError> {
    if read(path)?.as_deref() == Some(bytes) {
        return Ok(false);
    }
    let staged = stage(path, |file| file.write_all(bytes))?;
    std::fs::rename(&staged, path).map_err(|error| CliError::file(path, error))?;
    Ok(true)
}

/// Writes a file under a temporary name, and syncs it, so that it is whole once it is
/// renamed.
fn stage(
    path: &Path,
    write: impl FnOnce(&mut File) -> std::io::Result<()>,
) -> Result<PathBuf, CliError> {
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!(".partial-{}", std::process::id()));
    let staged = PathBuf::from(staged);
    let written = make_parent(path)
        .and_then(|()| File::create(&staged))
        .and_then(|mut file| write(&mut file).and_then(|()| file.sync_all()));
    match written {
        Ok(()) => Ok(staged),
        Err(error) => {
            let _ = std::fs::remove_file(&staged);
            Err(CliError::file(&staged, error))
        }
    }
}

fn make_parent(path: &Path) -> std::io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)
}
