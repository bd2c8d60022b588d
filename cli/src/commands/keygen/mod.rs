//! `keywright keygen`.

mod license;
mod release;
mod seal;

use crate::CommandOutput;
use crate::error::CliError;
use clap::Subcommand;

/// Commands that create keys.
#[derive(Debug, Subcommand)]
pub enum Keygen {
    /// The key that signs licenses: prints the configuration of the server.
    License(license::License),
    /// The key that signs releases: writes two files of minisign.
    Release(release::Release),
    /// The key that seals the audit log: prints the configuration of the server.
    Seal(seal::Seal),
}

impl Keygen {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        match self {
            Self::License(license) => license.run(),
            Self::Release(release) => release.run(),
            Self::Seal(seal) => seal.run(),
        }
    }
}
