//! `keywright release publish`: signs, uploads, publishes; the manifest last,
//! so that a half-finished upload is seen by nobody.

use super::changed;
use super::subject::{Subject, channel, platform};
use crate::digest::{self, Digests};
use crate::error::CliError;
use crate::keys::ReleaseSecret;
use crate::place::{Place, Publication, Where};
use crate::{Report, clock};
use clap::Args;
use keywright_domain::dates::parse_rfc3339;
use keywright_domain::release::manifest::Artifact;
use keywright_domain::release::statement::{FileName, Statement};
use keywright_domain::release::{Channel, Platform};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Signs files with the release key, uploads them, and publishes them as a
/// version. The server takes what a release key of the product has signed; a
/// product that has none takes the key of the first publication that is made with
/// `ADMIN_KEY`, and `keywright release key set` sets others. An interrupted upload goes on where it was when this is repeated;
/// publishing the same files again changes nothing.
#[derive(Debug, Args)]
pub struct Publish {
    #[command(flatten)]
    subject: Subject,
    /// stable, rc, beta, alpha or dev. A pre-release is never stable.
    #[arg(long, value_parser = channel, default_value = "stable")]
    channel: Channel,
    /// A Rust target triple, or `any`. The first FILE is the platform's file;
    /// further ones take their ending: `x86_64-unknown-linux-gnu.deb`.
    #[arg(long, value_parser = platform)]
    platform: Platform,
    /// The files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The secret release key, a file of minisign. It never leaves this
    /// machine.
    #[arg(long, env = "KEYWRIGHT_RELEASE_KEY", value_name = "FILE")]
    key: PathBuf,
    /// What is new: a text file.
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,
    /// When it was built: RFC 3339 or unix seconds. Licenses whose updates have
    /// ended before do not open this version. Left out, it is the time of the
    /// version's first publication.
    #[arg(long, env = "SOURCE_DATE_EPOCH", value_name = "TIME", value_parser = time)]
    built_at: Option<i64>,
    /// The commit it was built from.
    #[arg(long, value_name = "COMMIT")]
    source_commit: Option<String>,
    /// An entitlement that a license must have for this version.
    #[arg(long, value_name = "ENTITLEMENT")]
    requires_entitlement: Option<String>,
    /// To how many in a hundred installations the update feeds offer it.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    rollout: Option<u8>,
    /// A JSON object for the feeds of certain updaters.
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

/// A file, and what it is published as.
struct Candidate {
    path: PathBuf,
    platform: Platform,
    file_name: FileName,
    digests: Digests,
}

impl Publish {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let version = &self.subject.version;
        if version.is_prerelease() && self.channel == Channel::Stable {
            return Err(CliError::usage(format!(
                "{version} is a pre-release, which is not offered on stable; add --channel rc, beta, alpha or dev"
            )));
        }
        let place = self.place.open()?;
        let secret = ReleaseSecret::read(&self.key)?;
        let mut new = self.publication()?;
        new.release_key = Some(secret.public()?.line());
        let candidates = self.candidates()?;
        self.check(&place, &candidates)?;
        for candidate in &candidates {
            new.artifacts.push(self.sign(&secret, candidate)?);
        }
        for candidate in &candidates {
            place.store(&new.product, &candidate.path, &candidate.digests)?;
        }
        let done = place.publish(&new)?;
        Ok(changed(&done, &format!("is published on {}", self.channel)))
    }

    fn publication(&self) -> Result<Publication, CliError> {
        let read =
            |path: &PathBuf| std::fs::read_to_string(path).map_err(|e| CliError::file(path, e));
        let metadata = self.metadata.as_ref().map(|path| {
            let members: Result<Map<String, Value>, _> = serde_json::from_str(&read(path)?);
            members.map_err(|error| {
                CliError::usage(format!("{}: not a JSON object: {error}", path.display()))
            })
        });
        Ok(Publication {
            product: self.subject.product.clone(),
            version: self.subject.version.clone(),
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

    fn candidates(&self) -> Result<Vec<Candidate>, CliError> {
        let mut seen = BTreeSet::new();
        let mut candidates = Vec::new();
        for (at, path) in self.files.iter().enumerate() {
            let platform = if at == 0 {
                self.platform.clone()
            } else {
                with_ending(&self.platform, path)?
            };
            if !seen.insert(platform.clone()) {
                return Err(CliError::usage(format!(
                    "{}: there is a file for {platform} already",
                    path.display()
                )));
            }
            let name = path.file_name().and_then(|name| name.to_str());
            let file_name = FileName::try_from(name.unwrap_or_default().to_owned());
            candidates.push(Candidate {
                file_name: file_name
                    .map_err(|e| CliError::usage(format!("{}: {e}", path.display())))?,
                digests: digest::of_file(path)?,
                path: path.clone(),
                platform,
            });
        }
        Ok(candidates)
    }

    /// Looks for other bytes under this version before anything is uploaded.
    fn check(&self, place: &Place, candidates: &[Candidate]) -> Result<(), CliError> {
        let (product, version) = (&self.subject.product, &self.subject.version);
        let Some(known) = place.find(product, version)? else {
            return Ok(());
        };
        for candidate in candidates {
            let published = known.manifest.artifact(candidate.platform.as_str());
            if published.is_some_and(|file| file.sha256 != candidate.digests.sha256) {
                return Err(CliError::refused(format!(
                    "{product} {version} is published for {} with other bytes, and stays as it is; publish these as a new version",
                    candidate.platform
                )));
            }
        }
        Ok(())
    }

    fn sign(&self, secret: &ReleaseSecret, candidate: &Candidate) -> Result<Artifact, CliError> {
        let digests = &candidate.digests;
        let statement = Statement {
            timestamp: clock::now(),
            file_name: candidate.file_name.clone(),
            version: self.subject.version.clone(),
            product: self.subject.product.clone(),
            channel: self.channel,
            platform: candidate.platform.clone(),
            size: digests.size,
            sha256: digests.sha256.clone(),
        };
        let signature = secret.sign_file(&candidate.path, digests, &statement)?;
        Ok(Artifact {
            platform: candidate.platform.clone(),
            file_name: candidate.file_name.clone(),
            size_bytes: digests.size,
            sha256: digests.sha256.clone(),
            sha512: digests.sha512.clone(),
            signature: signature.to_string(),
        })
    }
}

/// Endings of two words.
const DOUBLE: [&str; 4] = [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2"];

/// The platform of a further file: with the file's ending behind it.
fn with_ending(platform: &Platform, path: &Path) -> Result<Platform, CliError> {
    let name = path.file_name().unwrap_or_default();
    let name = name.to_string_lossy().to_ascii_lowercase();
    let double = DOUBLE.into_iter().find(|ending| name.ends_with(ending));
    let ending = match double {
        Some(ending) => &ending[1..],
        None => name.rsplit_once('.').map_or("", |(_, ending)| ending),
    };
    Platform::parse(&format!("{}.{ending}", platform.triple())).map_err(|_| {
        CliError::usage(format!(
            "{}: a further file of a platform is known by its ending, such as .deb or .tar.gz; this one has none",
            path.display()
        ))
    })
}

fn time(text: &str) -> Result<i64, String> {
    match text.parse() {
        Ok(seconds) if seconds >= 0 => Ok(seconds),
        _ => parse_rfc3339(text)
            .map_err(|_| "RFC 3339, such as 2026-01-31T12:00:00Z, or unix seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_files_are_known_by_their_ending() {
        let platform = Platform::parse("x86_64-unknown-linux-gnu").expect("a platform");
        let ending = |path: &str| with_ending(&platform, Path::new(path)).map(String::from);
        for (path, ending_of) in [
            ("out/demo_1.2.0_amd64.deb", "deb"),
            ("Demo-1.2.AppImage", "appimage"),
            ("demo-1.2.0.tar.gz", "tar.gz"),
            ("demo.TAR.XZ", "tar.xz"),
            ("demo.zip", "zip"),
        ] {
            let expected = format!("x86_64-unknown-linux-gnu.{ending_of}");
            assert_eq!(ending(path).expect(path), expected);
        }
        for path in ["demo", "demo.", "demo.sig", "demo.a b"] {
            assert!(ending(path).is_err(), "{path}");
        }
    }

    #[test]
    fn times_are_read_in_both_forms() {
        assert_eq!(time("1700000000"), Ok(1_700_000_000));
        assert_eq!(time("2023-11-14T22:13:20Z"), Ok(1_700_000_000));
        for text in ["", "-1", "yesterday", "2023-11-14"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
