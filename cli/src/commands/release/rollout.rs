//! `keywright release rollout`.

use super::changed;
use super::version_args::VersionArgs;
use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::RepositoryArgs;
use clap::Args;

/// Sets the percentage of installations that the update feeds offer a version to. An
/// installation that is offered the version keeps it while the percentage grows.
#[derive(Debug, Args)]
pub struct Rollout {
    #[command(flatten)]
    target: VersionArgs,
    /// From 0 to 100.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: u8,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl Rollout {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let repository = self.repository.open()?;
        let published = repository.get(&self.target.product, &self.target.version)?;
        let done = repository.rollout(&published, self.percent)?;
        Ok(changed(&done, &format!("is offered to {} %", self.percent)))
    }
}
