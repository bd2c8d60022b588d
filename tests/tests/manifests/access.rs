//! The tables of `docs/access.md` are those of the code.

use super::root;
use keywright_admin::Api;
use keywright_domain::access::{Gate, Role, Scope};

/// The table that starts with this head, without it and the line below it.
fn table(head: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/access.md")).expect("the tables");
    let mut lines = text.lines().skip_while(|line| *line != head);
    assert_eq!(lines.next(), Some(head), "docs/access.md has this table");
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(str::to_owned).collect()
}

#[test]
fn every_route_is_listed_with_what_opens_it() {
    let rows: Vec<String> = Api::endpoints()
        .iter()
        .map(|route| {
            let opens = match route.access {
                Gate::Scope(scope) => scope.as_str(),
                Gate::Master => "`ADMIN_KEY` only",
                Gate::AnyKey => "any key",
            };
            format!("| {} {} | {opens} |", route.method, route.path)
        })
        .collect();
    assert_eq!(
        table("| route | scope |"),
        rows,
        "expected:\n{}",
        rows.join("\n")
    );
}

#[test]
fn every_role_is_listed_with_what_it_grants() {
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let head = format!("| scope | {} |", roles.join(" | "));
    let rows: Vec<String> = Scope::ALL
        .iter()
        .map(|scope| {
            let yes = |role: &Role| {
                if role.grants(*scope) { "yes" } else { "–" }
            };
            let cells = Role::ALL.iter().map(yes);
            format!("| {scope} | {} |", cells.collect::<Vec<_>>().join(" | "))
        })
        .collect();
    assert_eq!(table(&head), rows, "expected:\n{}", rows.join("\n"));
}

#[test]
fn what_can_be_given_by_name_is_said() {
    let text = std::fs::read_to_string(root().join("docs/access.md")).expect("the text");
    for scope in Scope::ALL {
        let said = text.contains(&format!("`{scope}` can be given by name"));
        assert_eq!(said, scope.is_a_la_carte(), "{scope}");
    }
}
