//! `keywright audit`.

mod keys;
mod verdict;
mod verify;

use crate::CommandOutput;
use crate::error::CliError;
use clap::Subcommand;

/// Commands for the audit log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Proves that nothing sealed was changed, removed or reordered.
    Verify(verify::Verify),
}

impl Audit {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        match self {
            Self::Verify(verify) => verify.run(),
        }
    }
}
