//! Which crate may use which: `cargo metadata` beside the list of arrows in
//! `docs/architecture.md`.

use super::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The room of a package, by its folder below the checkout: `functions` for all of them,
/// else the folder's own name. None for tests, which may use anything.
fn room(manifest: &str) -> Option<String> {
    let checkout = root().canonicalize().expect("the checkout");
    let folder = std::path::Path::new(manifest).parent().expect("a folder");
    let inside = folder.strip_prefix(checkout).expect("a member's folder");
    let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
    match parts.as_slice() {
        [first, ..] if first == "tests" => None,
        [first, ..] if first == "functions" => Some("functions".to_owned()),
        [.., last] => Some(last.clone().into_owned()),
        [] => None,
    }
}

/// What every product crate uses of ours, but for its tests.
fn used() -> Arrows {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--locked",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo");
    assert!(output.status.success(), "{output:?}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let rooms: BTreeMap<String, Option<String>> = packages
        .iter()
        .map(|package| {
            let manifest = text(&package["manifest_path"]);
            (text(&package["name"]), room(&manifest))
        })
        .collect();
    let mut arrows = Arrows::new();
    for package in packages {
        let Some(from) = rooms[&text(&package["name"])].clone() else {
            continue;
        };
        let uses = arrows.entry(from.clone()).or_default();
        for dependency in package["dependencies"].as_array().expect("a list") {
            if dependency["kind"] == "dev" {
                continue;
            }
            let Some(to) = rooms.get(&text(&dependency["name"])) else {
                continue;
            };
            let to = to.clone();
            let to = to.unwrap_or_else(|| panic!("{from} uses {dependency} of the tests"));
            assert_ne!((&*from, &*to), ("functions", "functions"), "{dependency}");
            uses.insert(to);
        }
    }
    arrows
}

/// The text without what stands in parentheses.
fn without_remarks(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = text.chars().filter(|letter| {
        depth += u32::from(*letter == '(');
        let keep = depth == 0;
        depth -= u32::from(*letter == ')');
        keep
    });
    outside.collect()
}

/// The arrows that the document lists, one line each: `from -> to, to (for what)`.
fn listed() -> Arrows {
    let text = std::fs::read_to_string(root().join("docs/architecture.md")).expect("the document");
    let lines = text.lines().filter_map(|line| line.split_once(" -> "));
    let plain = |from: &str| {
        from.chars()
            .all(|c| c.is_ascii_lowercase() || ", ".contains(c))
    };
    lines
        .filter(|(from, _)| plain(from))
        .flat_map(|(from, to)| {
            let targets = without_remarks(to);
            let targets = targets.split(", ").map(|to| to.trim().to_owned());
            let targets: BTreeSet<String> = targets.filter(|to| to != "nothing of ours").collect();
            let sources = from.split(", ").map(str::to_owned);
            sources.map(move |from| (from, targets.clone()))
        })
        .collect()
}

#[test]
fn arrows_are_those_that_the_architecture_lists() {
    let (used, listed) = (used(), listed());
    assert!(used.len() > 8, "{used:?}");
    assert_eq!(used, listed, "docs/architecture.md");
}
