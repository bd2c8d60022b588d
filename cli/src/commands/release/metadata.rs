//! `keywright release metadata`.

use super::changed;
use super::version_args::VersionArgs;
use crate::CommandOutput;
use crate::error::CliError;
use crate::input;
use crate::repository::RepositoryArgs;
use clap::Args;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Replaces the settings for updaters of a published version, such as a build version for
/// Sparkle that was forgotten. Nothing needs to be signed again.
#[derive(Debug, Args)]
pub struct Metadata {
    #[command(flatten)]
    target: VersionArgs,
    /// A JSON object with all settings for updaters.
    #[arg(long, value_name = "FILE")]
    metadata: PathBuf,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl Metadata {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let metadata = read(&self.metadata)?;
        let repository = self.repository.open()?;
        let published = repository.get(&self.target.product, &self.target.version)?;
        let done = repository.set_metadata(&published, metadata)?;
        Ok(changed(&done, "has these settings for updaters"))
    }
}

/// The JSON object in a file.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>, CliError> {
    serde_json::from_str(input::clean(&input::read_text(path)?)).map_err(|error| {
        CliError::usage(format!(
            "{} must contain a JSON object: {error}",
            path.display()
        ))
    })
}
