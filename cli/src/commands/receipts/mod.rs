//! `keywright receipts`.

mod check;
mod seal;

use crate::error::CliError;
use crate::repository::ServerArgs;
use crate::{CommandOutput, digest};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

/// Commands for receipts.
#[derive(Debug, Subcommand)]
pub enum Receipts {
    /// Shows which receipts are sealed, and which were changed.
    Check(check::Check),
    /// Seals receipts without a valid seal: those from before an upgrade, and those
    /// sealed with a lost key.
    Seal(seal::Seal),
    /// Seals receipts with the newest key, so that older keys can be removed.
    Reseal(seal::Reseal),
}

impl Receipts {
    pub(crate) fn run(self) -> Result<CommandOutput, CliError> {
        match self {
            Self::Check(check) => check.run(),
            Self::Seal(seal) => seal.run(),
            Self::Reseal(reseal) => reseal.run(),
        }
    }
}

/// A receipt as the server shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
struct Receipt {
    id: String,
    kind: String,
    external_ref: Option<String>,
    product: Option<String>,
    license_id: Option<String>,
    amount: i64,
    currency: String,
    received_at: String,
    seal: String,
    digest: Option<String>,
}

#[derive(Deserialize)]
struct ReceiptPage {
    receipts: Vec<Receipt>,
    next_cursor: Option<String>,
}

/// Every receipt of an instance, newest first.
fn all(server: &ServerArgs) -> Result<Vec<Receipt>, CliError> {
    let api = server.open("ADMIN_KEY")?;
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page: ReceiptPage = api.get(&format!("/v1/admin/receipts?limit=500{cursor}"))?;
        all.extend(page.receipts);
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(all),
        }
    }
}

/// One line for each seal state, kind and product: the number of receipts, and the days
/// of the first and the last one.
fn summary<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for receipt in receipts {
        let product = receipt.product.as_deref().unwrap_or("(no product)");
        let group = (receipt.seal.as_str(), receipt.kind.as_str(), product);
        let day = receipt.received_at.split('T').next().unwrap_or_default();
        groups.entry(group).or_default().push(day);
    }
    let line = |((seal, kind, product), days): ((&str, &str, &str), Vec<&str>)| {
        let first = days.iter().min().copied().unwrap_or_default();
        let last = days.iter().max().copied().unwrap_or_default();
        let count = days.len();
        format!("{count:>7}  {seal}  {kind}  {product}  {first} to {last}")
    };
    groups.into_iter().map(line).collect()
}

/// A code for a set of receipts, in any order: 16 hex digits.
fn code(receipts: &[&Receipt]) -> String {
    let mut lines: Vec<String> = receipts
        .iter()
        .map(|receipt| {
            let digest = receipt.digest.as_deref().unwrap_or_default();
            format!("{} {digest}\n", receipt.id)
        })
        .collect();
    lines.sort();
    let mut code = digest::sha256_hex(lines.concat().as_bytes());
    code.truncate(16);
    code
}

fn output(text: &str, lines: &[String], receipts: &[&Receipt]) -> CommandOutput {
    CommandOutput {
        text: [&[text.to_owned()], lines].concat().join("\n"),
        json: json!({ "ok": true, "receipts": receipts }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(id: &str, seal: &str, received_at: &str) -> Receipt {
        Receipt {
            id: id.to_owned(),
            kind: "btcpay".to_owned(),
            external_ref: None,
            product: Some("demo".to_owned()),
            license_id: None,
            amount: 1,
            currency: "SAT".to_owned(),
            received_at: received_at.to_owned(),
            seal: seal.to_owned(),
            digest: Some(format!("digest of {id}")),
        }
    }

    #[test]
    fn a_summary_counts_each_kind_and_names_its_days() {
        let receipts = [
            receipt("a", "unsealed", "2026-02-01T00:00:00Z"),
            receipt("b", "sealed", "2026-03-01T00:00:00Z"),
            receipt("c", "unsealed", "2026-01-01T00:00:00Z"),
        ];
        assert_eq!(
            summary(&receipts),
            [
                "      1  sealed  btcpay  demo  2026-03-01 to 2026-03-01",
                "      2  unsealed  btcpay  demo  2026-01-01 to 2026-02-01",
            ]
        );
    }

    #[test]
    fn a_code_stands_for_one_set_of_receipts() {
        let [a, b] = ["a", "b"].map(|id| receipt(id, "unsealed", "2026-02-01T00:00:00Z"));
        let mut changed = a.clone();
        changed.digest = Some("another".to_owned());
        assert_eq!(code(&[&a, &b]), code(&[&b, &a]));
        assert_eq!(code(&[&a, &b]).len(), 16);
        for other in [vec![&a], vec![&b], vec![&changed, &b], vec![]] {
            assert_ne!(code(&other), code(&[&a, &b]));
        }
    }
}
