//! `keywright receipts seal` and `keywright receipts reseal`: show which receipts would
//! be sealed, and seal them when that is confirmed.

use super::{Receipt, all, code, output, summary};
use crate::CommandOutput;
use crate::error::CliError;
use crate::repository::ServerArgs;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

/// Maximum number of receipts of one request.
const MAX_RECEIPTS: usize = 100;

/// Seals receipts without a valid seal. Run it once after an upgrade from a release that
/// did not seal receipts, and after `RECEIPT_KEYS` was lost; the server allows it until
/// `RECEIPT_SEALING_UNTIL`. Without --confirm it only shows which receipts it would seal.
/// Check the numbers: a sealed receipt counts as a sale.
#[derive(Debug, Args)]
pub struct Seal {
    #[command(flatten)]
    sealing: Sealing,
}

/// Seals receipts with the newest key that have a valid seal of an older one. Without
/// --confirm it only shows which receipts it would seal.
#[derive(Debug, Args)]
pub struct Reseal {
    #[command(flatten)]
    sealing: Sealing,
}

#[derive(Debug, Args)]
struct Sealing {
    /// Seals exactly the receipts that were shown with this code.
    #[arg(long, value_name = "CODE")]
    confirm: Option<String>,
    /// Excludes a receipt; can be repeated.
    #[arg(long, value_name = "RECEIPT_ID")]
    except: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

impl Seal {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        self.sealing.run("seal", &["unsealed", "unknown_key"])
    }
}

impl Reseal {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        self.sealing.run("reseal", &["sealed_by_older_key"])
    }
}

/// The server's answer to a sealing request.
#[derive(Deserialize)]
struct SealAnswer {
    sealed: usize,
    refused: Vec<RefusedReceipt>,
}

#[derive(Deserialize)]
struct RefusedReceipt {
    id: String,
    reason: String,
}

impl Sealing {
    fn run(&self, command: &str, states: &[&str]) -> Result<CommandOutput, CliError> {
        let receipts = all(&self.server)?;
        let to_seal: Vec<&Receipt> = receipts
            .iter()
            .filter(|receipt| states.contains(&receipt.seal.as_str()))
            .filter(|receipt| receipt.digest.is_some() && !self.except.contains(&receipt.id))
            .collect();
        if to_seal.is_empty() {
            let lines = summary(&receipts);
            return Ok(output("there is nothing to seal", &lines, &to_seal));
        }
        let code = code(&to_seal);
        match &self.confirm {
            None => {
                let mut lines = summary(to_seal.iter().copied());
                let except = self.except.iter().map(|id| format!(" --except {id}"));
                let except = except.collect::<Vec<_>>().concat();
                lines.push(format!(
                    "nothing is sealed yet; if you sold all of these, run: keywright \
                     receipts {command} --confirm {code}{except}"
                ));
                lines.push("--json lists each of them; --except excludes one".to_owned());
                let found = format!("{} receipts to seal", to_seal.len());
                let mut output = output(&found, &lines, &to_seal);
                output.json["confirm"] = json!(code);
                Ok(output)
            }
            Some(confirmed) if *confirmed == code => self.seal(&to_seal),
            Some(_) => Err(CliError::refused(format!(
                "the receipts have changed since this code was shown; run keywright \
                 receipts {command} without --confirm and check them again"
            ))),
        }
    }

    fn seal(&self, receipts: &[&Receipt]) -> Result<CommandOutput, CliError> {
        let api = self.server.open("ADMIN_KEY")?;
        let (mut sealed, mut refused) = (0, Vec::new());
        for some in receipts.chunks(MAX_RECEIPTS) {
            let list: Vec<_> = some
                .iter()
                .map(|receipt| json!({ "id": receipt.id, "digest": receipt.digest }))
                .collect();
            let body = json!({ "receipts": list });
            let answer: SealAnswer = api.post("/v1/admin/receipts/seal", &body)?;
            sealed += answer.sealed;
            refused.extend(answer.refused);
        }
        if refused.is_empty() {
            return Ok(CommandOutput {
                text: format!("{sealed} receipts sealed"),
                json: json!({ "ok": true, "sealed": sealed }),
            });
        }
        let lines: Vec<String> = refused
            .iter()
            .map(|receipt| format!("{} {}", receipt.id, receipt.reason))
            .collect();
        Err(CliError::not_genuine(format!(
            "{sealed} receipts sealed; {} have changed since they were shown and are not sealed:\n{}",
            lines.len(),
            lines.join("\n")
        )))
    }
}
