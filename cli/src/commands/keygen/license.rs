//! `keywright keygen license`: a key that signs licenses, as configuration.

use crate::CommandOutput;
use crate::error::CliError;
use clap::Args;
use serde_json::json;

/// Prints `SIGNING_KEY` and `VERIFY_KEYS` for the server's configuration. `SIGNING_KEY`
/// is a secret: store it where the server reads it, and keep a backup. Without it,
/// license keys that were sold cannot be shown again.
#[derive(Debug, Args)]
pub struct License {}

impl License {
    #[expect(
        clippy::unused_self,
        reason = "a command like the others, which may get options"
    )]
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let (secret, public) = super::new_key()?;
        Ok(CommandOutput {
            text: format!("SIGNING_KEY={secret}\nVERIFY_KEYS={public}"),
            json: json!({ "SIGNING_KEY": secret, "VERIFY_KEYS": public }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keywright_license::SigningKey;

    #[test]
    fn prints_a_key_pair_that_belongs_together_and_another_each_time() {
        let one = License {}.run().expect("a key").json;
        let other = License {}.run().expect("a key").json;
        assert_ne!(one["SIGNING_KEY"], other["SIGNING_KEY"]);
        let seed = one["SIGNING_KEY"].as_str().expect("a text");
        let key = SigningKey::from_seed_base64(seed).expect("a seed");
        assert_eq!(one["VERIFY_KEYS"], key.public_key().to_base64());
    }
}
