//! The commands, one file each.

mod audit;
mod keygen;
mod mcp;
mod receipts;
mod release;
mod wallet;

use crate::CommandOutput;
use crate::error::CliError;
use clap::Subcommand;

/// The groups of commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verifies the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Creates keys.
    #[command(subcommand)]
    Keygen(keygen::Keygen),
    /// Serves the API to a language model.
    Mcp(mcp::Mcp),
    /// Checks and seals receipts.
    #[command(subcommand)]
    Receipts(receipts::Receipts),
    /// Publishes and manages releases.
    #[command(subcommand)]
    Release(release::Release),
    /// The wallet that receives USDC.
    #[command(subcommand)]
    Wallet(wallet::Wallet),
}

impl Command {
    /// True for a command that speaks a protocol on standard output.
    pub(crate) fn is_protocol(&self) -> bool {
        matches!(self, Self::Mcp(_))
    }
}

pub(crate) fn run(command: Command) -> Result<CommandOutput, CliError> {
    match command {
        Command::Audit(audit) => audit.run(),
        Command::Keygen(keygen) => keygen.run(),
        Command::Mcp(mcp) => mcp.run(),
        Command::Receipts(receipts) => receipts.run(),
        Command::Release(release) => release.run(),
        Command::Wallet(wallet) => wallet.run(),
    }
}
