//! The `wrangler.toml` files against the crates; the crates are tested against
//! the table.

use super::{functions, root, toml};
use keywright_gateway::routes::{PAGES, ROUTES};
use keywright_ports::function::{Access, OutboundAccess};
use keywright_web::Function;
use std::collections::BTreeSet;

/// What a function's file may say at all: any other key could grant something.
const KEYS: &[&str] = &[
    "build",
    "compatibility_date",
    "compatibility_flags",
    "d1_databases",
    "main",
    "name",
    "observability",
    "preview_urls",
    "r2_buckets",
    "services",
    "triggers",
    "workers_dev",
];

fn file_of(name: &str) -> toml::Table {
    toml(&format!("functions/{name}/wrangler.toml"))
}

/// The entries of a list of tables, each with one text member.
fn entries(file: &toml::Table, list: &str, member: &str) -> Vec<String> {
    let entries = file
        .get(list)
        .and_then(toml::Value::as_array)
        .cloned()
        .unwrap_or_default();
    entries
        .iter()
        .map(|entry| entry[member].as_str().expect("text").to_owned())
        .collect()
}

/// The functions that are Workers: all but the one whose work the platform's
/// assets do there.
fn workers() -> impl Iterator<Item = (&'static str, &'static Function)> {
    let functions = functions().into_iter();
    functions.filter(|(name, _)| *name != PAGES.to_lowercase())
}

fn each(check: impl Fn(&str, &Function, &toml::Table)) {
    for (name, function) in workers() {
        check(name, function, &file_of(name));
    }
}

/// What calls addresses that operators enter calls them as the public does, and nothing
/// else needs a flag.
#[test]
fn webhooks_go_to_the_public_internet_only() {
    each(|name, function, file| {
        let flags = file
            .get("compatibility_flags")
            .and_then(toml::Value::as_array);
        let flags: Vec<&str> = flags
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_str)
            .collect();
        let expected: &[&str] = match function.grants.outbound {
            OutboundAccess::WebhookEndpoints => &["global_fetch_strictly_public"],
            _ => &[],
        };
        assert_eq!(flags, expected, "{name}");
    });
}

#[test]
fn functions_have_no_public_address() {
    each(|name, _, file| {
        for key in ["workers_dev", "preview_urls"] {
            let value = file.get(key).and_then(toml::Value::as_bool);
            assert_eq!(value, Some(false), "{name}: {key}");
        }
        for key in file.keys() {
            assert!(
                KEYS.contains(&key.as_str()),
                "{name}: {key} is not known here"
            );
        }
        assert_eq!(
            file["name"].as_str(),
            Some(format!("keywright-{name}").as_str())
        );
    });
}

#[test]
fn functions_are_bound_to_what_the_crates_ask_for() {
    each(|name, function, file| {
        let grants = function.grants;
        let when = |granted: bool, binding: &str| -> Vec<String> {
            granted.then(|| binding.to_owned()).into_iter().collect()
        };
        let database = grants.database != Access::None;
        assert_eq!(
            entries(file, "d1_databases", "binding"),
            when(database, "DB"),
            "{name}"
        );
        let named = entries(file, "d1_databases", "database_name");
        assert_eq!(named, when(database, "keywright"), "{name}");
        let releases = grants.releases != Access::None;
        assert_eq!(
            entries(file, "r2_buckets", "binding"),
            when(releases, "RELEASES"),
            "{name}"
        );
        assert_eq!(
            entries(file, "services", "binding"),
            when(grants.sign, "SIGN"),
            "{name}"
        );
        let services = entries(file, "services", "service");
        assert_eq!(services, when(grants.sign, "keywright-sign"), "{name}");
        assert_eq!(
            file.contains_key("triggers"),
            function.tick.is_some(),
            "{name}: triggers"
        );
    });
}

/// The comment at the top tells an operator what to configure.
#[test]
fn the_comments_name_the_configuration() {
    for (name, function) in workers() {
        let path = root().join(format!("functions/{name}/wrangler.toml"));
        let text = std::fs::read_to_string(path).expect("the file");
        let comment: String = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .collect::<Vec<_>>()
            .join(" ");
        let (_, names) = comment.rsplit_once("):").expect("a list of names");
        let told: BTreeSet<&str> = names
            .split([',', '#', ' '])
            .filter(|name| !name.is_empty())
            .collect();
        let asked: BTreeSet<&str> = function.grants.config.iter().copied().collect();
        assert_eq!(told, asked, "{name}");
    }
}

#[test]
fn the_gateway_reaches_the_public_functions_and_nothing_else() {
    let file = toml("wrangler.toml");
    let known = [
        "assets",
        "build",
        "compatibility_date",
        "main",
        "name",
        "observability",
        "services",
    ];
    for key in file.keys() {
        assert!(known.contains(&key.as_str()), "{key} is not known here");
    }
    let bound: BTreeSet<String> = entries(&file, "services", "binding").into_iter().collect();
    let routed: BTreeSet<String> = ROUTES
        .iter()
        .map(|(_, binding)| (*binding).to_owned())
        .filter(|binding| binding != PAGES)
        .collect();
    assert_eq!(bound, routed);
    let services = entries(&file, "services", "service");
    let bindings = entries(&file, "services", "binding");
    for (binding, service) in bindings.iter().zip(services) {
        assert_eq!(service, format!("keywright-{}", binding.to_lowercase()));
    }
}

/// The platform must answer nothing by itself: its answers have other headers,
/// and other paths than the table's.
#[test]
fn the_pages_are_answered_by_the_gateway_alone() {
    let folder = root().join("functions").join(PAGES.to_lowercase());
    assert!(folder.is_dir() && !folder.join("wrangler.toml").exists());
    let expected: toml::Table = r#"
        directory = "static"
        binding = "ASSETS"
        run_worker_first = true
        html_handling = "none"
        not_found_handling = "none"
    "#
    .parse()
    .expect("TOML");
    assert_eq!(toml("wrangler.toml")["assets"].as_table(), Some(&expected));
    for file in ["_headers", "_redirects", "_worker.js", "_routes.json"] {
        assert!(!root().join("static").join(file).exists(), "{file}");
    }
}
