//! The commands, one file each.

mod keygen;
mod release;

use crate::Report;
use crate::error::CliError;
use clap::Subcommand;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes keys.
    #[command(subcommand)]
    Keygen(keygen::Keygen),
    /// Publishes releases, and looks after them.
    #[command(subcommand)]
    Release(release::Release),
}

pub(crate) fn run(command: Command) -> Result<Report, CliError> {
    match command {
        Command::Keygen(keygen) => keygen.run(),
        Command::Release(release) => release.run(),
    }
}
