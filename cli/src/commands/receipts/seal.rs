//! `keywright receipts seal` and `keywright receipts reseal`: show what is to be
//! sealed, and seal it when it is confirmed.

use super::{Receipt, all, code, report, summary};
use crate::Report;
use crate::error::CliError;
use crate::place::Server;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

/// Receipts of one request at most.
const AT_ONCE: usize = 100;

/// Seals receipts that have no good seal. Run it once after an upgrade from a
/// release that did not seal receipts, and after `RECEIPT_KEYS` was lost; the server
/// allows it through `RECEIPT_SEALING_UNTIL`. Without --confirm it only shows what it
/// would seal. Look at the numbers: what is sealed here counts as sold.
#[derive(Debug, Args)]
pub struct Seal {
    #[command(flatten)]
    sealing: Sealing,
}

/// Seals receipts that have a good seal of an older key with the newest one. Without
/// --confirm it only shows what it would seal.
#[derive(Debug, Args)]
pub struct Reseal {
    #[command(flatten)]
    sealing: Sealing,
}

#[derive(Debug, Args)]
struct Sealing {
    /// Seals what was shown with this code, and nothing else.
    #[arg(long, value_name = "CODE")]
    confirm: Option<String>,
    /// Leaves a receipt out; can be repeated.
    #[arg(long, value_name = "RECEIPT_ID")]
    except: Vec<String>,
    #[command(flatten)]
    server: Server,
}

impl Seal {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        self.sealing.run("seal", &["unsealed", "unknown_key"])
    }
}

impl Reseal {
    pub(crate) fn run(self) -> Result<Report, CliError> {
        self.sealing.run("reseal", &["sealed_by_older_key"])
    }
}

/// What the server did with some receipts.
#[derive(Deserialize)]
struct Sealed {
    sealed: usize,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    id: String,
    reason: String,
}

impl Sealing {
    fn run(&self, command: &str, states: &[&str]) -> Result<Report, CliError> {
        let receipts = all(&self.server)?;
        let to_seal: Vec<&Receipt> = receipts
            .iter()
            .filter(|receipt| states.contains(&receipt.seal.as_str()))
            .filter(|receipt| receipt.digest.is_some() && !self.except.contains(&receipt.id))
            .collect();
        if to_seal.is_empty() {
            let lines = summary(&receipts);
            return Ok(report("there is nothing to seal", &lines, &to_seal));
        }
        let code = code(&to_seal);
        match &self.confirm {
            None => {
                let mut lines = summary(to_seal.iter().copied());
                let except = self.except.iter().map(|id| format!(" --except {id}"));
                let except = except.collect::<Vec<_>>().concat();
                lines.push(format!(
                    "nothing is sealed yet; if all of these were sold by you, run: keywright \
                     receipts {command} --confirm {code}{except}"
                ));
                lines.push("--json lists each of them, --except leaves one out".to_owned());
                let found = format!("{} receipts to seal", to_seal.len());
                let mut report = report(&found, &lines, &to_seal);
                report.json["confirm"] = json!(code);
                Ok(report)
            }
            Some(confirmed) if *confirmed == code => self.seal(&to_seal),
            Some(_) => Err(CliError::refused(format!(
                "these are not the receipts that were shown with this code; run keywright \
                 receipts {command} without --confirm and look at them again"
            ))),
        }
    }

    fn seal(&self, receipts: &[&Receipt]) -> Result<Report, CliError> {
        let api = self.server.open("ADMIN_KEY")?;
        let (mut sealed, mut refused) = (0, Vec::new());
        for some in receipts.chunks(AT_ONCE) {
            let list: Vec<_> = some
                .iter()
                .map(|receipt| json!({ "id": receipt.id, "digest": receipt.digest }))
                .collect();
            let body = json!({ "receipts": list });
            let done: Sealed = api.post("/v1/admin/receipts/seal", &body)?;
            sealed += done.sealed;
            refused.extend(done.refused);
        }
        if refused.is_empty() {
            return Ok(Report {
                text: format!("{sealed} receipts sealed"),
                json: json!({ "ok": true, "sealed": sealed }),
            });
        }
        let lines: Vec<String> = refused
            .iter()
            .map(|receipt| format!("{} {}", receipt.id, receipt.reason))
            .collect();
        Err(CliError::not_genuine(format!(
            "{sealed} receipts sealed; {} were changed since they were shown and are not sealed:\n{}",
            lines.len(),
            lines.join("\n")
        )))
    }
}
