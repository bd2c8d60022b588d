//! `keywright keygen`.

mod license;
mod release;
mod seal;

use crate::CommandOutput;
use crate::error::CliError;
use crate::randomness::fill;
use clap::Subcommand;
use data_encoding::BASE64;
use keywright_license::SigningKey;

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

/// A new Ed25519 key for the server's configuration: its seed and its public key in base64.
fn new_key() -> Result<(String, String), CliError> {
    let mut seed = [0; 32];
    fill(&mut seed)?;
    let key = SigningKey::from_bytes(&seed)
        .map_err(|error| CliError::failed(format!("making a key: {error}")))?;
    Ok((BASE64.encode(&seed), key.public_key().to_base64()))
}
