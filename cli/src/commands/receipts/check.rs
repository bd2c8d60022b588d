//! `keywright receipts check`.

use super::{Receipt, all, output, summary};
use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::ServerArgs;
use clap::Args;

/// Shows which receipts are sealed. Exit code 4 when a receipt was changed in the
/// database.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    server: ServerArgs,
}

impl Check {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        let receipts = all(&self.server)?;
        let broken: Vec<&Receipt> = receipts
            .iter()
            .filter(|receipt| matches!(receipt.seal.as_str(), "broken" | "no_license"))
            .collect();
        let lines = summary(&receipts);
        if broken.is_empty() {
            let all: Vec<&Receipt> = receipts.iter().collect();
            return Ok(output(&format!("{} receipts", all.len()), &lines, &all));
        }
        let ids: Vec<&str> = broken.iter().map(|receipt| receipt.id.as_str()).collect();
        Err(CliError::not_genuine(format!(
            "{} receipts do not match their seals or have no license; the database was \
             changed: {}\n{}",
            ids.len(),
            ids.join(", "),
            lines.join("\n")
        )))
    }
}
