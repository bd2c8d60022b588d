//! The gateway's table and the routes of `spin.toml` are the same.

use super::root;
use keywright_gateway::routes::{ROUTES, binding_for};
use keywright_spin_host::SpinApp;
use std::collections::BTreeMap;

fn spin_routes() -> (BTreeMap<String, String>, Vec<String>) {
    let app = SpinApp::from_manifest(root().join("spin.toml")).expect("the manifest");
    let mut public = BTreeMap::new();
    let mut private = Vec::new();
    for (route, component) in app.routes() {
        let component = component
            .expect("every route goes to a component")
            .to_owned();
        match route {
            Some(route) => assert_eq!(public.insert(route.to_owned(), component), None),
            None => private.push(component),
        }
    }
    (public, private)
}

#[test]
fn the_gateway_and_spin_have_the_same_routes() {
    let gateway: BTreeMap<String, String> = ROUTES
        .iter()
        .map(|(pattern, binding)| ((*pattern).to_owned(), binding.to_lowercase()))
        .collect();
    assert_eq!(gateway.len(), ROUTES.len(), "no pattern is there twice");
    assert_eq!(gateway, spin_routes().0);
}

#[test]
fn only_sign_is_private() {
    assert_eq!(spin_routes().1, ["sign"]);
    assert!(ROUTES.iter().all(|(_, binding)| *binding != "SIGN"));
}

/// Ticks by HTTP go to the functions that tick, by their names; any other name
/// goes where unknown routes go.
#[test]
fn cron_functions_are_reached_by_their_names() {
    let nowhere = binding_for("/nowhere");
    for (name, function) in super::functions() {
        let binding = binding_for(&format!("/v1/cron/{name}"));
        if function.tick.is_some() {
            assert_eq!(binding.map(str::to_lowercase).as_deref(), Some(name));
        } else {
            assert_eq!(binding, nowhere, "{name}");
        }
    }
}
