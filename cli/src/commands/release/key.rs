//! `keywright release key`: the public release keys of a product at a server.
//! Nothing is published there that none of them has signed.

use super::subject::slug;
use crate::Report;
use crate::error::CliError;
use crate::keys::ReleaseKey;
use crate::place::{Keys, Where};
use clap::{Args, Subcommand};
use keywright_domain::slug::Slug;
use serde_json::json;

/// The public release keys of a product.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Shows the keys that stand.
    Show(Show),
    /// Says which keys stand from now on, with the operator's own key.
    Set(Set),
}

/// Shows the public release keys of a product.
#[derive(Debug, Args)]
pub struct Show {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    #[command(flatten)]
    place: Where,
}

/// Says which public release keys a product has from now on, in place of those
/// before. Only `ADMIN_KEY` may. To rotate, name the old and the new key, and the
/// new one alone once nothing that the old one signed need be offered any more.
#[derive(Debug, Args)]
pub struct Set {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    /// A public release key: minisign's file, or the key itself. Once for each.
    #[arg(long, required = true, value_name = "KEY")]
    public_key: Vec<String>,
    #[command(flatten)]
    place: Where,
}

impl Key {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        match self {
            Self::Show(show) => show.run(),
            Self::Set(set) => set.run(),
        }
    }
}

impl Show {
    fn run(self) -> Result<Report, CliError> {
        let keys = self.place.open()?.keys(&self.product)?;
        let text = if keys.is_empty() {
            format!(
                "{} has no release key yet; `keywright release key set` sets one",
                self.product
            )
        } else {
            keys.join("\n")
        };
        Ok(Report {
            text,
            json: json!({ "ok": true, "product": self.product, "public_keys": keys }),
        })
    }
}

impl Set {
    fn run(self) -> Result<Report, CliError> {
        let keys = self.public_key.iter().map(|given| ReleaseKey::read(given));
        let keys: Vec<String> = keys
            .map(|key| key.map(|key| key.line()))
            .collect::<Result<_, _>>()?;
        let set = self.place.open()?.set_keys(&self.product, &keys)?;
        Ok(Report {
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

fn text(product: &Slug, set: &Keys) -> String {
    let so_already = if set.changed {
        ""
    } else {
        " (it was so already)"
    };
    let mut lines = vec![format!("the release keys of {product} are set{so_already}")];
    lines.extend(set.public_keys.iter().cloned());
    if set.not_offered_count > 0 {
        lines.push(format!(
            "{} files are not signed with any of them and are not offered any more; publish the same files again to offer them:",
            set.not_offered_count
        ));
        let files = set.not_offered.iter();
        lines.extend(files.map(|file| format!("  {} {}", file.version, file.platform)));
    }
    if !set.complete {
        lines.push(
            "there are more files than one request looks at; repeat this, then publish again what is still not offered"
                .to_owned(),
        );
    }
    lines.join("\n")
}
