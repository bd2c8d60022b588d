//! `keywright wallet`.

mod xpub;

use crate::CommandOutput;
use crate::error::CliError;
use clap::Subcommand;

/// What about it.
#[derive(Debug, Subcommand)]
pub enum Wallet {
    /// Derives the public key that the server may have from recovery words.
    Xpub(xpub::Xpub),
}

impl Wallet {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        match self {
            Self::Xpub(xpub) => xpub.run(),
        }
    }
}
