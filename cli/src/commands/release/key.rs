//! `keywright release key`: the public release keys of a product at a server. The server
//! publishes only files that one of them has signed.

use super::version_args::slug;
use crate::CommandOutput;
use crate::error::CliError;
use crate::keys::ReleaseKey;
use crate::repository::{ReleaseKeys, RepositoryArgs};
use clap::{Args, Subcommand};
use keywright_domain::slug::Slug;
use serde_json::json;

/// The public release keys of a product.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Shows the release keys of a product.
    Show(Show),
    /// Replaces the release keys of a product; needs `ADMIN_KEY`.
    Set(Set),
}

/// Shows the public release keys of a product.
#[derive(Debug, Args)]
pub struct Show {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    #[command(flatten)]
    repository: RepositoryArgs,
}

/// Replaces the public release keys of a product. Needs `ADMIN_KEY`. To rotate, set the
/// old and the new key; set the new key alone once files that the old one signed no
/// longer have to be offered.
#[derive(Debug, Args)]
pub struct Set {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    /// A public release key: minisign's file, or the key itself. Can be repeated.
    #[arg(long, required = true, value_name = "KEY")]
    public_key: Vec<String>,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl Key {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        match self {
            Self::Show(show) => show.run(),
            Self::Set(set) => set.run(),
        }
    }
}

impl Show {
    fn run(self) -> Result<CommandOutput, CliError> {
        let keys = self.repository.open()?.keys(&self.product)?;
        let text = if keys.is_empty() {
            format!(
                "{} has no release key yet; `keywright release key set` sets one",
                self.product
            )
        } else {
            keys.join("\n")
        };
        Ok(CommandOutput {
            text,
            json: json!({ "ok": true, "product": self.product, "public_keys": keys }),
        })
    }
}

impl Set {
    fn run(self) -> Result<CommandOutput, CliError> {
        let keys = self.public_key.iter().map(|given| ReleaseKey::read(given));
        let keys: Vec<String> = keys
            .map(|key| key.map(|key| key.line()))
            .collect::<Result<_, _>>()?;
        let set = self.repository.open()?.set_keys(&self.product, &keys)?;
        Ok(CommandOutput {
            text: text(&self.product, &set),
            json: json!({
                "ok": true, "changed": set.changed, "product": self.product,
                "public_keys": set.public_keys, "verified": set.verified,
                "not_offered": set.not_offered, "not_offered_count": set.not_offered_count,
                "complete": set.complete,
            }),
        })
    }
}

fn text(product: &Slug, set: &ReleaseKeys) -> String {
    let unchanged = if set.changed {
        ""
    } else {
        " (nothing changed)"
    };
    let mut lines = vec![format!("the release keys of {product} are set{unchanged}")];
    lines.extend(set.public_keys.iter().cloned());
    if set.not_offered_count > 0 {
        lines.push(format!(
            "{} files are signed with none of these keys and are no longer offered; to offer them, publish the same files again:",
            set.not_offered_count
        ));
        let files = set.not_offered.iter();
        lines.extend(files.map(|file| format!("  {} {}", file.version, file.platform)));
    }
    if !set.complete {
        lines.push(
            "there are more files than one request checks; run the command again, then publish the files that are still not offered"
                .to_owned(),
        );
    }
    lines.join("\n")
}
