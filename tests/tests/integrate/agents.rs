//! `docs/agents.md`: each recipe runs word for word with the role that it names, and with no
//! role that lacks something that this one has.

use crate::commands::{run, succeeded};
use keywright_admin::Api;
use keywright_domain::access::{Gate, Role, Scope};
use keywright_tests::command_line::keywright;
use keywright_tests::hosts::{Instance, root};
use keywright_tests::shop::ADMIN_KEY;
use keywright_tests::suite::floor::{api_key, text};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

const PAGE: &str = include_str!("../../../docs/agents.md");

/// A recipe of the page.
struct Recipe {
    title: &'static str,
    role: Role,
    script: &'static str,
}

/// The first block of a language in a part of the page.
fn block(part: &'static str, language: &str) -> &'static str {
    let part = part.split_once(&format!("```{language}\n"));
    let (_, rest) = part.expect("a block of the language");
    rest.split("```").next().expect("a block")
}

fn part(heading: &str) -> &'static str {
    let (_, rest) = PAGE
        .split_once(&format!("\n## {heading}\n"))
        .expect("a heading");
    rest.split("\n## ").next().expect("a part")
}

fn all_recipes() -> Vec<Recipe> {
    let sections = part("Recipes").split("\n### ").skip(1);
    let recipes = sections.map(|section| {
        let (title, rest) = section.split_once('\n').expect("a title");
        let role = rest
            .split_once("Role: `")
            .expect("a role")
            .1
            .split('`')
            .next();
        assert_eq!(rest.matches("```sh").count(), 1, "{title}");
        Recipe {
            title,
            role: role.expect("a role").parse().expect("a role"),
            script: block(rest, "sh"),
        }
    });
    recipes.collect()
}

/// Runs a script of the page in a folder with this key.
async fn script(instance: &Instance, folder: &Path, key: &str, script: &str) -> Output {
    let program = keywright(&[]);
    let tools = Path::new(program.get_program()).parent().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = vec![tools.to_owned()];
    folders.extend(std::env::split_paths(&path));
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(folders).expect("a PATH"))
        .env("SHOP", instance.api.base_url())
        .env("KEY", key);
    run(command).await
}

/// What the operator has done before, and customers meanwhile.
async fn prepared(instance: &Instance, folder: &Path, title: &str, key: &str) {
    match title {
        "Publish a release" => {
            std::fs::write(folder.join("atlas"), "#!/bin/sh\necho atlas\n").expect("a file");
            let keys =
                "keywright keygen release --no-password --secret release.key --public release.pub
                 KEYWRIGHT_API_KEY=$KEY keywright release key set --product atlas \
                   --server \"$SHOP\" --public-key release.pub";
            succeeded(&script(instance, folder, ADMIN_KEY, keys).await);
        }
        "Answer a support question" => {
            for fingerprint in ["old", "new"] {
                let machine =
                    json!({ "key": key, "fingerprint": fingerprint, "hostname": fingerprint });
                let seat = instance.api.post("/v1/machines/activate", &machine).await;
                assert_eq!(seat.ok()["ok"], true);
            }
        }
        _ => {}
    }
}

pub(crate) async fn recipes(instance: &Instance) {
    let function = block(part("Recipes"), "sh");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let asks = block(part("Keys and roles"), "sh");
    let key = text(&api_key(instance, Role::ReadOnly, &[]).await, "token");
    let told: Value = serde_json::from_str(&succeeded(&script(instance, folder, &key, asks).await))
        .expect("JSON");
    assert_eq!(told["role"], "read-only");
    let mut license_key = String::new();
    let all = all_recipes();
    assert_eq!(all.len(), 7);
    for Recipe {
        title,
        role,
        script: own,
    } in all
    {
        prepared(instance, folder, title, &license_key).await;
        let whole = format!("{function}{own}");
        // Every role that lacks one of this role's scopes is refused: no smaller role suffices.
        let covers = |other: &Role| {
            let mut scopes = Scope::ALL.iter();
            scopes.all(|scope| other.grants(*scope) || !role.grants(*scope))
        };
        let lesser: Vec<&Role> = Role::ALL.iter().filter(|other| !covers(other)).collect();
        assert!(!lesser.is_empty(), "{title}");
        for other in lesser {
            let key = text(&api_key(instance, *other, &[]).await, "token");
            let refused = script(instance, folder, &key, &whole).await;
            let said = [refused.stdout, refused.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(
                !refused.status.success() && said.contains("403"),
                "{title}, {other}: {said}"
            );
        }
        let key = text(&api_key(instance, role, &[]).await, "token");
        let said = succeeded(&script(instance, folder, &key, &whole).await);
        let last = said.lines().last().unwrap_or_default();
        let repeats = match title {
            "Stand up a catalog" => {
                assert!(said.ends_with("\ntrial\npro\n"), "{said}");
                true
            }
            "Issue a license" => {
                assert!(last.starts_with("LIC1-"), "{said}");
                last.clone_into(&mut license_key);
                true
            }
            "Renew a license" => {
                assert_eq!(said.trim(), "2036-01-31T12:00:00Z\n2036-01-31");
                let asked = json!({ "key": license_key, "product_slug": "atlas" });
                let valid = instance.api.post("/v1/validate", &asked).await.ok();
                assert_eq!(valid["ok"], true, "the customer's key still works: {valid}");
                true
            }
            "Publish a release" => {
                assert_eq!(last, "1.2.0", "{said}");
                true
            }
            "Answer a support question" => {
                assert_eq!(last, "1", "{said}");
                assert!(
                    said.contains("\told\t") && said.contains("\tnew\t"),
                    "{said}"
                );
                false
            }
            "Explain why a key does not work" => {
                assert!(said.contains("atlas\tactive\t"), "{said}");
                true
            }
            "Follow what happens" => {
                assert!(said.contains("\tproduct.created\t"), "{said}");
                true
            }
            other => unreachable!("say what to expect of {other}"),
        };
        if repeats {
            let again = succeeded(&script(instance, folder, &key, &whole).await);
            let last_again = again.lines().last().unwrap_or_default();
            assert_eq!(last_again, last, "{title}: the same the second time");
        }
    }
    let licenses = "SELECT count(*) AS n FROM licenses l JOIN products p ON p.id = l.product_id
                    WHERE p.slug = 'atlas'";
    let rows = instance.database.rows(licenses, &[]).await;
    assert_eq!(rows[0]["n"], 1, "a retry issues no second license");
}

/// The lists of the page are those of the code, and `/llms.txt` is the page.
pub(crate) fn says_what_the_code_does() {
    let served = std::fs::read_to_string(root().join("static/llms.txt")).expect("a file");
    assert!(served == PAGE, "copy docs/agents.md to static/llms.txt");
    let keys = part("Keys and roles");
    let masters = Api::endpoints()
        .into_iter()
        .filter(|route| route.access == Gate::Master);
    let masters: Vec<String> = masters
        .map(|route| format!("- `{} {}`", route.method, route.path))
        .collect();
    let said: Vec<&str> = keys
        .lines()
        .filter(|line| line.starts_with("- `"))
        .collect();
    assert_eq!(said, masters, "what no scoped key may do");
    for role in Role::ALL {
        let scopes = Scope::ALL.iter().filter(|scope| role.grants(**scope));
        let areas = scopes.filter_map(|scope| scope.as_str().strip_suffix(":write"));
        let areas: Vec<String> = areas.map(|area| area.replace('_', " ")).collect();
        let areas = if areas.is_empty() {
            "nothing".to_owned()
        } else {
            areas.join(", ")
        };
        let row = format!("| `{role}` | {areas} |\n");
        assert!(keys.contains(&row), "{row}");
    }
    let config: Value =
        serde_json::from_str(block(part("Tools for a language model"), "json")).expect("JSON");
    assert_eq!(config["mcpServers"]["shop"]["args"], json!(["mcp"]));
}
