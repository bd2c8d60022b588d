//! `keywright release open` and `close`: who may download a product.

use super::version_args::slug;
use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::RepositoryArgs;
use clap::Args;
use keywright_domain::release::manifest::ProductManifest;
use keywright_domain::slug::Slug;
use serde_json::json;

/// Opens a product: anyone may download every version.
#[derive(Debug, Args)]
pub struct Open {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    #[command(flatten)]
    repository: RepositoryArgs,
}

/// Closes a product: downloads need a license. This is the default.
#[derive(Debug, Args)]
pub struct Close {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    /// An entitlement that the license needs.
    #[arg(long, value_name = "ENTITLEMENT")]
    requires_entitlement: Option<String>,
    #[command(flatten)]
    repository: RepositoryArgs,
}

impl Open {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let gate = ProductManifest {
            requires_license: false,
            requires_entitlement: None,
        };
        set(&self.product, &gate, &self.repository)
    }
}

impl Close {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let gate = ProductManifest {
            requires_license: true,
            requires_entitlement: self.requires_entitlement,
        };
        set(&self.product, &gate, &self.repository)
    }
}

fn set(
    product: &Slug,
    gate: &ProductManifest,
    repository: &RepositoryArgs,
) -> Result<CommandOutput, CliError> {
    let changed = repository.open()?.set_gate(product, gate)?;
    let is = match (gate.requires_license, &gate.requires_entitlement) {
        (false, _) => "is open: anyone may download it".to_owned(),
        (true, None) => "is closed: downloads need a license".to_owned(),
        (true, Some(entitlement)) => {
            format!("is closed: downloads need a license with {entitlement}")
        }
    };
    let unchanged = if changed { "" } else { " (nothing changed)" };
    Ok(CommandOutput {
        text: format!("{product} {is}{unchanged}"),
        json: json!({ "ok": true, "changed": changed, "product": product, "gate": gate }),
    })
}
