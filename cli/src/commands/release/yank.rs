//! `keywright release yank` and `unyank`.

use super::changed;
use super::version_args::VersionArgs;
use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::RepositoryArgs;
use clap::Args;

/// Yanks a version: it is never `latest` and in no update feed. It can still be
/// downloaded by its version.
#[derive(Debug, Args)]
pub struct Yank {
    #[command(flatten)]
    target: VersionArgs,
    /// The reason, which is shown to people.
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    repository: RepositoryArgs,
}

/// Undoes a yank: the version is offered again.
#[derive(Debug, Args)]
pub struct Unyank {
    #[command(flatten)]
    target: VersionArgs,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl Yank {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let repository = self.repository.open()?;
        let published = repository.get(&self.target.product, &self.target.version)?;
        let done = repository.yank(&published, Some(&self.reason))?;
        Ok(changed(&done, "is yanked"))
    }
}

impl Unyank {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let repository = self.repository.open()?;
        let published = repository.get(&self.target.product, &self.target.version)?;
        let done = repository.yank(&published, None)?;
        Ok(changed(&done, "is offered again"))
    }
}
