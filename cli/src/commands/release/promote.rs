//! `keywright release promote`: moves a version to another channel. The signed statement
//! names the channel, so it is signed again; the bytes and their signature stay.

use super::changed;
use super::version_args::{VersionArgs, channel};
use crate::error::CliError;
use crate::keys::{ReleaseKey, ReleaseKeyArgs, ReleaseSecret};
use crate::repository::RepositoryArgs;
use crate::{CommandOutput, clock};
use clap::Args;
use keywright_domain::release::manifest::{Artifact, VersionManifest};
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::statement::Statement;
use keywright_domain::release::{Channel, agreement};
use std::collections::BTreeMap;

/// Moves a version to another channel, such as from beta to stable.
#[derive(Debug, Args)]
pub struct Promote {
    #[command(flatten)]
    target: VersionArgs,
    /// The new channel: stable, rc, beta, alpha or dev.
    #[arg(long, value_parser = channel)]
    channel: Channel,
    #[command(flatten)]
    key: ReleaseKeyArgs,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl Promote {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let version = &self.target.version;
        if version.is_prerelease() && self.channel == Channel::Stable {
            return Err(CliError::usage(format!(
                "{version} is a pre-release and cannot be on stable; publish the files as a version without -{}",
                version.as_str().split('-').nth(1).unwrap_or_default()
            )));
        }
        let repository = self.repository.open()?;
        let published = repository.get(&self.target.product, version)?;
        let mut signatures = BTreeMap::new();
        if published.manifest.channel != self.channel {
            let secret = self.key.read()?;
            let public = secret.public()?;
            for artifact in &published.manifest.artifacts {
                let signed = self.signed(&published.manifest, artifact, &secret, &public)?;
                signatures.insert(artifact.platform.to_string(), signed.to_string());
            }
        }
        let done = repository.promote(&published, self.channel, signatures)?;
        Ok(changed(&done, &format!("is on {}", self.channel)))
    }

    /// Signs the statement for the new channel. The old statement must verify under the
    /// same key first: the server is not trusted to say what a file is.
    fn signed(
        &self,
        manifest: &VersionManifest,
        artifact: &Artifact,
        secret: &ReleaseSecret,
        public: &ReleaseKey,
    ) -> Result<DetachedSignature, CliError> {
        let wrong = |error: &dyn std::fmt::Display| {
            CliError::not_genuine(format!(
                "{}: {error}; the published file is not the one that was signed, so it is not signed again",
                artifact.platform
            ))
        };
        let signature =
            DetachedSignature::parse(&artifact.signature).map_err(|error| wrong(&error))?;
        public
            .check_statement(&signature)
            .map_err(|error| wrong(&error))?;
        let (product, version) = (&self.target.product, &self.target.version);
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
