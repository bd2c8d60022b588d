//! `keywright keygen seal`: a key that seals the audit log, as configuration.

use crate::CommandOutput;
use crate::error::CliError;
use crate::randomness::fill;
use clap::Args;
use data_encoding::BASE64;
use keywright_license::SigningKey;
use serde_json::json;

/// Prints `SEAL_KEY` for the configuration of `sign`, and the public key that
/// `keywright audit verify` takes. `SEAL_KEY` is a secret. Keep the public key somewhere
/// that whoever runs the server cannot change.
#[derive(Debug, Args)]
pub struct Seal {}

impl Seal {
    #[expect(
        clippy::unused_self,
        reason = "a command like the others, which may get options"
    )]
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let mut seed = [0; 32];
        fill(&mut seed)?;
        let key = SigningKey::from_bytes(&seed)
            .map_err(|error| CliError::failed(format!("making a key: {error}")))?;
        let (secret, public) = (BASE64.encode(&seed), key.public_key().to_base64());
        Ok(CommandOutput {
            text: format!("SEAL_KEY={secret}\nKEYWRIGHT_SEAL_PUBLIC_KEY={public}"),
            json: json!({ "SEAL_KEY": secret, "KEYWRIGHT_SEAL_PUBLIC_KEY": public }),
        })
    }
}
