//! `keywright release verify`: downloads a file as a customer does, and verifies it with
//! the pinned release key.

use super::version_args::{VersionArgs, channel, platform};
use crate::CommandOutput;
use crate::digest::{Digests, Hashes, each_piece};
use crate::error::CliError;
use crate::input;
use crate::keys::ReleaseKey;
use crate::progress;
use crate::repository::{Client, TrustArgs};
use clap::Args;
use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::{Channel, Platform, agreement};
use keywright_license::Credential;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The variable with the token.
const TOKEN: &str = "KEYWRIGHT_TOKEN";

/// Downloads a file through the gate, and checks its size, its digests, the
/// release key's signature, and that the signed statement names this product, version,
/// channel and platform. Exit code 4 when any of it is wrong.
/// The token of a licensed product comes from `KEYWRIGHT_TOKEN` or --token-file.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    target: VersionArgs,
    /// The platform.
    #[arg(long, value_parser = platform)]
    platform: Platform,
    /// The channel that the file must be on. Default: the one it is published on.
    #[arg(long, value_parser = channel)]
    channel: Option<Channel>,
    /// The public release key: minisign's file, or the key itself.
    #[arg(long, env = "KEYWRIGHT_PUBLIC_KEY", value_name = "KEY")]
    public_key: String,
    /// Address of the Keywright instance.
    #[arg(long, env = "KEYWRIGHT_URL", value_name = "URL", value_parser = input::word)]
    server: String,
    /// File with the token.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Saves the verified file under this name.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Allows sending the token over http:// to another machine.
    #[arg(long)]
    allow_http: bool,
    #[command(flatten)]
    trust: TrustArgs,
}

impl Verify {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let key = ReleaseKey::read(&self.public_key)?;
        let client = Client::new(&self.server, self.token()?, self.allow_http, &self.trust)?;
        let manifest = self.manifest(&client)?;
        let artifact = self.artifact(&client, &manifest)?;
        let channel = self.channel.unwrap_or(manifest.channel);
        let (product, version) = (&self.target.product, &self.target.version);
        agreement::check(product, version, channel, &artifact)
            .map_err(|error| CliError::not_genuine(error.to_string()))?;
        let signature = DetachedSignature::parse(&artifact.signature)
            .map_err(|error| CliError::not_genuine(error.to_string()))?;
        key.check_statement(&signature)?;
        self.check_file(&client, &key, &signature, &artifact)?;
        let (platform, sha256) = (&artifact.platform, &artifact.sha256);
        Ok(CommandOutput {
            text: format!(
                "{product} {version} {channel} {platform}: genuine\nsha256 {sha256}\nkey {}\n{}",
                key.shown_id(),
                signature.trusted_comment.replace('\t', " ")
            ),
            json: json!({
                "ok": true, "product": product, "version": version, "channel": channel,
                "platform": platform, "sha256": sha256, "size_bytes": artifact.size_bytes,
                "key_id": key.shown_id(), "statement": signature.trusted_comment,
            }),
        })
    }

    fn token(&self) -> Result<Option<String>, CliError> {
        let text = match &self.token_file {
            Some(path) => Some(input::read_text(path)?),
            None => input::variable(TOKEN),
        };
        text.map(|text| credential(&text)).transpose()
    }

    fn folder(&self) -> String {
        format!(
            "/releases/{}/{}",
            self.target.product,
            self.target.version.as_str().replace('+', "%2B")
        )
    }

    fn manifest(&self, client: &Client) -> Result<VersionManifest, CliError> {
        let (product, version) = (&self.target.product, &self.target.version);
        let json = client
            .read(&format!("{}/MANIFEST", self.folder()))?
            .ok_or_else(|| CliError::refused(format!("{product} {version} is not published")))?;
        VersionManifest::read(&json, product, version.as_str())
            .map_err(|error| CliError::not_genuine(error.to_string()))
    }

    /// The file's entry in the manifest, with the signature that is served
    /// beside the file, which has to be the same.
    fn artifact(&self, client: &Client, manifest: &VersionManifest) -> Result<Artifact, CliError> {
        let platform = &self.platform;
        let artifact = manifest.artifact(platform.as_str()).ok_or_else(|| {
            let there = manifest.artifacts.iter().map(|file| file.platform.as_str());
            CliError::refused(format!(
                "no file is published for {platform}; there are files for {}",
                there.collect::<Vec<_>>().join(", ")
            ))
        })?;
        let served = client.read(&format!("{}/{platform}.sig", self.folder()))?;
        if served.as_deref() != Some(artifact.signature.as_bytes()) {
            return Err(CliError::not_genuine(format!(
                "{platform}.sig is not the signature in the manifest"
            )));
        }
        Ok(artifact.clone())
    }

    /// Downloads the file, and verifies it meanwhile.
    fn check_file(
        &self,
        client: &Client,
        key: &ReleaseKey,
        signature: &DetachedSignature,
        artifact: &Artifact,
    ) -> Result<(), CliError> {
        let mut hashes = Hashes::default();
        let mut checking = key.check_bytes(signature)?;
        let bar = progress::bytes("downloading", artifact.size_bytes);
        let mut kept = self
            .output
            .as_deref()
            .map(PartialDownload::create)
            .transpose()?;
        let path = format!("{}/{}", self.folder(), self.platform);
        let mut left = artifact.size_bytes;
        let read = each_piece(&mut client.stream(&path)?, |piece| {
            // A longer file is not read to its end.
            left = left.checked_sub(piece.len() as u64).ok_or_else(|| {
                std::io::Error::other("the file is longer than the manifest says")
            })?;
            hashes.update(piece);
            checking.update(piece);
            bar.inc(piece.len() as u64);
            kept.as_mut().map_or(Ok(()), |kept| kept.write(piece))
        });
        bar.finish_and_clear();
        read.map_err(|error| CliError::failed(format!("{path}: {error}")))?;
        let wanted = Digests {
            size: artifact.size_bytes,
            sha256: artifact.sha256.clone(),
            sha512: artifact.sha512.clone(),
        };
        let is = hashes.finish()?;
        if is != wanted {
            return Err(CliError::not_genuine(format!(
                "the download has {} bytes and SHA-256 {}, but must have {} and {} (or its SHA-512 differs)",
                is.size, is.sha256, wanted.size, wanted.sha256
            )));
        }
        checking.finish()?;
        kept.map_or(Ok(()), PartialDownload::keep)
    }
}

/// A download under a temporary name. Dropping it removes it, unless it was kept.
struct PartialDownload {
    file: File,
    partial: PathBuf,
    path: PathBuf,
}

/// Reads a pasted token or license key.
fn credential(text: &str) -> Result<String, CliError> {
    match Credential::parse(text) {
        Ok(Credential::Token(token)) => Ok(token.to_string()),
        Ok(Credential::LicenseKey(key)) => Ok(key.to_string()),
        Ok(Credential::DownloadId(_)) => Err(CliError::usage(
            "a download id opens packages for Joomla sites only; use the license token or the \
             license key",
        )),
        Err(error) => Err(CliError::usage(error.to_string())),
    }
}

impl PartialDownload {
    fn create(path: &Path) -> Result<Self, CliError> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".partial-{}", std::process::id()));
        let partial = PathBuf::from(partial);
        Ok(Self {
            // A file or a link that is there already is not written through.
            file: File::create_new(&partial).map_err(|error| CliError::file(&partial, error))?,
            partial,
            path: path.to_owned(),
        })
    }

    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        self.file.write_all(piece)
    }

    fn keep(self) -> Result<(), CliError> {
        let kept = self
            .file
            .sync_all()
            .and_then(|()| std::fs::rename(&self.partial, &self.path));
        kept.map_err(|error| CliError::file(&self.path, error))
    }
}

impl Drop for PartialDownload {
    fn drop(&mut self) {
        // It has its name, or is not wanted.
        let _ = std::fs::remove_file(&self.partial);
    }
}
