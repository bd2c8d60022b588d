//! `keywright keygen seal`: a key that seals the audit log, as configuration.

use crate::CommandOutput;
use crate::error::CliError;
use clap::Args;
use serde_json::json;

/// Prints `SEAL_KEY` for the configuration of `sign`, and the public key that
/// `keywright audit verify` takes. `SEAL_KEY` is a secret. Keep the public key in a
/// place that the server's administrators cannot change.
#[derive(Debug, Args)]
pub struct Seal {}

impl Seal {
    #[expect(
        clippy::unused_self,
        reason = "a command like the others, which may get options"
    )]
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let (secret, public) = super::new_key()?;
        Ok(CommandOutput {
            text: format!("SEAL_KEY={secret}\nKEYWRIGHT_SEAL_PUBLIC_KEY={public}"),
            json: json!({ "SEAL_KEY": secret, "KEYWRIGHT_SEAL_PUBLIC_KEY": public }),
        })
    }
}
