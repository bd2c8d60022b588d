//! `keywright receipts check`.

use super::{Receipt, all, report, summary};
use crate::Report;
use crate::error::CliError;
use crate::place::Server;
use clap::Args;

/// Shows which receipts are sealed. Exit code 4 when one was changed in the
/// database.
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    server: Server,
}

impl Check {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        let receipts = all(&self.server)?;
        let broken: Vec<&Receipt> = receipts
            .iter()
            .filter(|receipt| matches!(receipt.seal.as_str(), "broken" | "no_license"))
            .collect();
        let lines = summary(&receipts);
        if broken.is_empty() {
            let all: Vec<&Receipt> = receipts.iter().collect();
            return Ok(report(&format!("{} receipts", all.len()), &lines, &all));
        }
        let ids: Vec<&str> = broken.iter().map(|receipt| receipt.id.as_str()).collect();
        Err(CliError::not_genuine(format!(
            "{} receipts do not fit their seals or have no license; somebody changed the \
             database: {}\n{}",
            ids.len(),
            ids.join(", "),
            lines.join("\n")
        )))
    }
}
