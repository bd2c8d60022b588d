//! The table of `docs/privileges.md`.

use super::root;
use keywright_ports::function::Access;
use std::collections::{BTreeMap, BTreeSet};

/// What a function may touch at most.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) database: Access,
    /// Whether the vendor may leave the database out.
    pub(crate) database_optional: bool,
    pub(crate) sign: bool,
    pub(crate) outbound: BTreeSet<String>,
    pub(crate) secrets: BTreeSet<String>,
    pub(crate) releases: Access,
}

impl Row {
    /// The payment providers, in the column of outbound hosts.
    pub(crate) const PROVIDERS: &'static str = "payment providers";
    /// The issuer of instance licenses, there too.
    pub(crate) const ISSUER: &'static str = "the instance issuer";
    /// The RPC endpoints, there too.
    pub(crate) const RPC: &'static str = "Polygon RPC URLs";
    /// Where operators are told, there too.
    pub(crate) const WEBHOOKS: &'static str = "operators' webhook URLs";
    /// Where mail goes, there too.
    pub(crate) const MAIL: &'static str = "the mail API";

    /// Whether asking for `asked` stays within `granted`.
    pub(crate) fn covers(granted: Access, asked: Access) -> bool {
        match asked {
            Access::None => true,
            Access::Read => granted != Access::None,
            Access::ReadWrite => granted == Access::ReadWrite,
        }
    }

    pub(crate) fn may_call(&self, hosts: &str) -> bool {
        self.outbound.contains(hosts)
    }
}

/// The rows by the function's name.
pub(crate) fn read() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(root().join("docs/privileges.md")).expect("the table");
    let mut lines = text
        .lines()
        .skip_while(|line| !line.starts_with("| function |"));
    let head = cells(lines.next().expect("a head"));
    assert_eq!(
        head,
        [
            "function",
            "database",
            "sign",
            "outbound hosts",
            "secrets",
            "releases"
        ]
    );
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(cells)
        .map(|cells| (cells[0].clone(), row(&cells)))
        .collect()
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|')
        .split('|')
        .map(|cell| cell.trim().to_owned())
        .collect()
}

fn row(cells: &[String]) -> Row {
    let [name, database, sign, outbound, secrets, releases] = cells else {
        panic!("a row has six cells: {cells:?}");
    };
    let sign = match sign.as_str() {
        "yes" => true,
        "no" | "–" => false,
        other => panic!("{name}: sign is {other:?}"),
    };
    Row {
        database: database_access(name, database),
        database_optional: database.starts_with("optional:"),
        sign,
        outbound: list(outbound),
        secrets: list(secrets),
        releases: match releases.as_str() {
            "–" => Access::None,
            "read" => Access::Read,
            "write" => Access::ReadWrite,
            other => panic!("{name}: releases is {other:?}"),
        },
    }
}

fn database_access(name: &str, cell: &str) -> Access {
    match cell {
        "–" => Access::None,
        "read" => Access::Read,
        "read/write" | "optional: read/write" => Access::ReadWrite,
        other => panic!("{name}: database is {other:?}"),
    }
}

fn list(cell: &str) -> BTreeSet<String> {
    let items = cell.split(',').map(|item| item.trim().to_owned());
    items.filter(|item| item != "–" && item != "none").collect()
}
