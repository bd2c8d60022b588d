//! `keywright release open` and `close`: who may download a product.

use super::subject::slug;
use crate::Report;
use crate::error::CliError;
use crate::place::Where;
use clap::Args;
use keywright_domain::release::manifest::ProductManifest;
use keywright_domain::slug::Slug;
use serde_json::json;

/// Opens a product: everybody may download every version.
#[derive(Debug, Args)]
pub struct Open {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    #[command(flatten)]
    place: Where,
}

/// Closes a product: a license is needed. So it is until something is said.
#[derive(Debug, Args)]
pub struct Close {
    /// Slug of the product.
    #[arg(long, value_parser = slug)]
    product: Slug,
    /// An entitlement that the license must have.
    #[arg(long, value_name = "ENTITLEMENT")]
    requires_entitlement: Option<String>,
    #[command(flatten)]
    place: Where,
}

impl Open {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let gate = ProductManifest {
            requires_license: false,
            requires_entitlement: None,
        };
        set(&self.product, &gate, &self.place)
    }
}

impl Close {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let gate = ProductManifest {
            requires_license: true,
            requires_entitlement: self.requires_entitlement,
        };
        set(&self.product, &gate, &self.place)
    }
}

fn set(product: &Slug, gate: &ProductManifest, place: &Where) -> Result<Report, CliError> {
    let changed = place.open()?.gate(product, gate)?;
    let is = match (gate.requires_license, &gate.requires_entitlement) {
        (false, _) => "is open: everybody may download it".to_owned(),
        (true, None) => "is closed: a license is needed".to_owned(),
        (true, Some(entitlement)) => {
            format!("is closed: a license with {entitlement} is needed")
        }
    };
    let so_already = if changed { "" } else { " (it was so already)" };
    Ok(Report {
        text: format!("{product} {is}{so_already}"),
        json: json!({ "ok": true, "changed": changed, "product": product, "gate": gate }),
    })
}
