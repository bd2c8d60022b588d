//! `keywright release promote`: another channel, under a new signature. What is
//! signed names the channel, so the statement is signed anew; the signature of
//! the bytes stays, and the bytes do not move.

use super::changed;
use super::subject::{Subject, channel};
use crate::error::CliError;
use crate::keys::{ReleaseKey, ReleaseSecret};
use crate::place::Where;
use crate::{Report, clock};
use clap::Args;
use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::statement::Statement;
use keywright_domain::release::{Channel, agreement};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Moves a version to another channel, such as a release candidate that became
/// stable.
#[derive(Debug, Args)]
pub struct Promote {
    #[command(flatten)]
    subject: Subject,
    /// The new channel: stable, rc, beta, alpha or dev.
    #[arg(long, value_parser = channel)]
    channel: Channel,
    /// The secret release key that the files were signed with.
    #[arg(long, env = "KEYWRIGHT_RELEASE_KEY", value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    place: Where,
}

impl Promote {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let version = &self.subject.version;
        if version.is_prerelease() && self.channel == Channel::Stable {
            return Err(CliError::usage(format!(
                "{version} is a pre-release, which is not offered on stable; publish the files as a version without -{}",
                version.as_str().split('-').nth(1).unwrap_or_default()
            )));
        }
        let place = self.place.open()?;
        let known = place.get(&self.subject.product, version)?;
        let mut signatures = BTreeMap::new();
        if known.manifest.channel != self.channel {
            let secret = ReleaseSecret::read(&self.key)?;
            let public = secret.public()?;
            for artifact in &known.manifest.artifacts {
                let signed = self.signed(&known.manifest, artifact, &secret, &public)?;
                signatures.insert(artifact.platform.to_string(), signed.to_string());
            }
        }
        let done = place.promote(&known, self.channel, signatures)?;
        Ok(changed(&done, &format!("is on {}", self.channel)))
    }

    /// The statement for the new channel. Only what this key has stated before
    /// is stated again: a server's word for what a file is counts for nothing.
    fn signed(
        &self,
        manifest: &VersionManifest,
        artifact: &Artifact,
        secret: &ReleaseSecret,
        public: &ReleaseKey,
    ) -> Result<DetachedSignature, CliError> {
        let wrong = |error: &dyn std::fmt::Display| {
            CliError::not_genuine(format!(
                "{}: {error}; what is published is not what was signed, so it is not signed again",
                artifact.platform
            ))
        };
        let signature =
            DetachedSignature::parse(&artifact.signature).map_err(|error| wrong(&error))?;
        public
            .check_statement(&signature)
            .map_err(|error| wrong(&error))?;
        let (product, version) = (&self.subject.product, &self.subject.version);
        let stated = agreement::check(product, version, manifest.channel, artifact)
            .map_err(|error| wrong(&error))?;
        let statement = Statement {
            timestamp: clock::now(),
            channel: self.channel,
            ..stated
        };
        Ok(secret.state(signature.signature, &statement))
    }
}
