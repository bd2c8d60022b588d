//! The commands, one file each.

mod keygen;
mod receipts;
mod release;
mod wallet;

use crate::Report;
use crate::error::CliError;
use clap::Subcommand;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes keys.
    #[command(subcommand)]
    Keygen(keygen::Keygen),
    /// Receipts of sales, and their seals.
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// Publishes releases, and looks after them.
    #[command(subcommand)]
    Release(release::Release),
    /// The wallet that payments in USDC go to.
    #[command(subcommand)]
    Wallet(wallet::Wallet),
}

pub(crate) fn run(command: Command) -> Result<Report, CliError> {
    match command {
        Command::Keygen(keygen) => keygen.run(),
        Command::Receipts(receipts) => receipts.run(),
        Command::Release(release) => release.run(),
        Command::Wallet(wallet) => wallet.run(),
    }
}
