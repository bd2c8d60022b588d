//! `keywright release publish`: signs, uploads and publishes. The manifest comes last, so
//! that nobody sees a half-finished upload.

use super::changed;
use super::version_args::{VersionArgs, channel, platform};
use crate::digest::{self, Digests};
use crate::error::CliError;
use crate::input;
use crate::keys::{ReleaseKeyArgs, ReleaseSecret};
use crate::repository::{Publication, Repository, RepositoryArgs};
use crate::{CommandOutput, clock};
use clap::Args;
use keywright_domain::dates::{check_past, parse_rfc3339};
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::statement::{FileName, Statement};
use keywright_domain::release::{Channel, Platform};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Signs files with the release key, uploads them, and publishes them as a
/// version. The server accepts files that a release key of the product has signed. A
/// product without release keys takes the key of the first publication with `ADMIN_KEY`;
/// `keywright release key set` changes them. Running the command again resumes an
/// interrupted upload; publishing the same files again changes nothing.
#[derive(Debug, Args)]
pub struct Publish {
    #[command(flatten)]
    target: VersionArgs,
    /// stable, rc, beta, alpha or dev. A pre-release cannot be stable.
    #[arg(long, value_parser = channel, default_value = "stable")]
    channel: Channel,
    /// A Rust target triple, or `any`. The first FILE is published under it; further
    /// files get their extension appended: `x86_64-unknown-linux-gnu.deb`.
    #[arg(long, value_parser = platform)]
    platform: Platform,
    /// The files to publish.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The name that the file is saved under. Default: the name of FILE.
    #[arg(long, value_name = "NAME")]
    file_name: Option<String>,
    #[command(flatten)]
    key: ReleaseKeyArgs,
    /// A text file with the release notes.
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
    /// The build time: RFC 3339 or unix seconds. Licenses whose updates ended before it
    /// cannot download this version. Default: the time of first publication.
    #[arg(long, env = "SOURCE_DATE_EPOCH", value_name = "TIME", value_parser = time)]
    built_at: Option<i64>,
    /// The commit that the files were built from.
    #[arg(long, value_name = "COMMIT")]
    source_commit: Option<String>,
    /// An entitlement that a license needs for this version.
    #[arg(long, value_name = "ENTITLEMENT")]
    requires_entitlement: Option<String>,
    /// The percentage of installations that the update feeds offer it to.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    rollout: Option<u8>,
    /// A JSON object with settings for updaters.
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    #[command(flatten)]
    repository: RepositoryArgs,
}

/// A file to publish.
struct ReleaseFile {
    path: PathBuf,
    platform: Platform,
    file_name: FileName,
    digests: Digests,
}

impl Publish {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let version = &self.target.version;
        if version.is_prerelease() && self.channel == Channel::Stable {
            return Err(CliError::usage(format!(
                "{version} is a pre-release and cannot be on stable; add --channel rc, beta, alpha or dev"
            )));
        }
        let repository = self.repository.open()?;
        let secret = self.key.read()?;
        let mut new = self.publication()?;
        new.release_key = Some(secret.public()?.line());
        let files_to_publish = self.files_to_publish()?;
        self.check(&repository, &files_to_publish)?;
        for file in &files_to_publish {
            new.artifacts.push(self.sign(&secret, file)?);
        }
        for file in &files_to_publish {
            repository.store(&new.product, &file.path, &file.digests)?;
        }
        let done = repository.publish(&new)?;
        Ok(changed(&done, &format!("is published on {}", self.channel)))
    }

    fn publication(&self) -> Result<Publication, CliError> {
        let read = |path: &PathBuf| input::read_text(path);
        let metadata = self.metadata.as_deref().map(super::metadata::read);
        Ok(Publication {
            product: self.target.product.clone(),
            version: self.target.version.clone(),
            channel: self.channel,
            notes: self.notes.as_ref().map(read).transpose()?,
            source_commit: self.source_commit.clone(),
            requires_entitlement: self.requires_entitlement.clone(),
            rollout_percent: self.rollout,
            metadata: metadata.transpose()?,
            built_at: self.built_at,
            release_key: None,
            artifacts: Vec::new(),
        })
    }

    /// The name that a file is saved under.
    fn file_name(&self, path: &Path) -> Result<FileName, CliError> {
        let Some(name) = &self.file_name else {
            return FileName::of_path(&path.to_string_lossy()).map_err(|error| {
                let path = path.display();
                CliError::usage(format!(
                    "{path}: {error}; pass another name with --file-name"
                ))
            });
        };
        if self.files.len() > 1 {
            return Err(CliError::usage("--file-name is for one FILE only"));
        }
        FileName::try_from(name.clone())
            .map_err(|error| CliError::usage(format!("--file-name {name}: {error}")))
    }

    fn files_to_publish(&self) -> Result<Vec<ReleaseFile>, CliError> {
        let mut seen = BTreeSet::new();
        let mut files_to_publish = Vec::new();
        for (at, path) in self.files.iter().enumerate() {
            let platform = if at == 0 {
                self.platform.clone()
            } else {
                with_extension(&self.platform, path)?
            };
            if !seen.insert(platform.clone()) {
                return Err(CliError::usage(format!(
                    "{} and another file are both for {platform}",
                    path.display()
                )));
            }
            files_to_publish.push(ReleaseFile {
                file_name: self.file_name(path)?,
                digests: digest::of_file(path)?,
                path: path.clone(),
                platform,
            });
        }
        Ok(files_to_publish)
    }

    /// Refuses other bytes under a published version, before anything is uploaded.
    fn check(
        &self,
        repository: &Repository,
        files_to_publish: &[ReleaseFile],
    ) -> Result<(), CliError> {
        let (product, version) = (&self.target.product, &self.target.version);
        let Some(existing) = repository.find(product, version)? else {
            return Ok(());
        };
        for file in files_to_publish {
            let published = existing.manifest.artifact(file.platform.as_str());
            if published.is_some_and(|artifact| artifact.sha256 != file.digests.sha256) {
                return Err(CliError::refused(format!(
                    "{product} {version} is already published for {} with different bytes and cannot be replaced; publish a new version",
                    file.platform
                )));
            }
        }
        Ok(())
    }

    fn sign(&self, secret: &ReleaseSecret, file: &ReleaseFile) -> Result<Artifact, CliError> {
        let digests = &file.digests;
        let statement = Statement {
            timestamp: clock::now(),
            file_name: file.file_name.clone(),
            version: self.target.version.clone(),
            product: self.target.product.clone(),
            channel: self.channel,
            platform: file.platform.clone(),
            size: digests.size,
            sha256: digests.sha256.clone(),
        };
        let signature = secret.sign_file(&file.path, digests, &statement)?;
        Ok(Artifact {
            platform: file.platform.clone(),
            file_name: file.file_name.clone(),
            size_bytes: digests.size,
            sha256: digests.sha256.clone(),
            sha512: digests.sha512.clone(),
            signature: signature.to_string(),
        })
    }
}

/// File extensions of two parts.
const DOUBLE_EXTENSIONS: [&str; 4] = [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"];

/// The platform of a further file: the platform with the file's extension.
fn with_extension(platform: &Platform, path: &Path) -> Result<Platform, CliError> {
    let name = path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_ascii_lowercase();
    let double = DOUBLE_EXTENSIONS
        .into_iter()
        .find(|extension| name.ends_with(extension));
    let extension = match double {
        Some(extension) => &extension[1..],
        None => name.rsplit_once('.').map_or("", |(_, extension)| extension),
    };
    Platform::parse(&format!("{}.{extension}", platform.triple())).map_err(|_| {
        CliError::usage(format!(
            "{} needs an extension such as .deb or .tar.gz, which tells it from the first file",
            path.display()
        ))
    })
}

fn time(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let seconds = match text.parse() {
        Ok(seconds) if seconds >= 0 => seconds,
        _ => parse_rfc3339(text).map_err(|_| {
            "it must be a time like 2026-01-31T12:00:00Z, or unix seconds".to_owned()
        })?,
    };
    check_past(seconds).map_err(|error| format!("it {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_files_get_their_extension() {
        let platform = Platform::parse("x86_64-unknown-linux-gnu").expect("a platform");
        let published_as =
            |path: &str| with_extension(&platform, Path::new(path)).map(String::from);
        for (path, extension) in [
            ("out/demo_1.2.0_amd64.deb", "deb"),
            ("Demo-1.2.AppImage", "appimage"),
            ("demo-1.2.0.tar.gz", "tar.gz"),
            ("demo.TAR.XZ", "tar.xz"),
            ("demo.zip", "zip"),
        ] {
            let expected = format!("x86_64-unknown-linux-gnu.{extension}");
            assert_eq!(published_as(path).expect(path), expected);
        }
        for path in ["demo", "demo.", "demo.sig", "demo.a b"] {
            assert!(published_as(path).is_err(), "{path}");
        }
    }

    #[test]
    fn times_are_read_in_both_forms() {
        assert_eq!(time("1700000000"), Ok(1_700_000_000));
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
        for text in [
            "",
            "-1",
            "yesterday",
            "2023-11-14",
            "1700000000000",
            "5138-11-16T00:00:00Z",
        ] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
