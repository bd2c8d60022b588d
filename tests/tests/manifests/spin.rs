//! `spin.toml` against the crates; the crates are tested against the table.

use super::{functions, root, secret, toml};
use keywright_ports::function::{Access, OutboundAccess};
use keywright_ports::name;
use keywright_spin_host::{Grants, SpinApp};
use std::collections::BTreeSet;

const SIGN_HOST: &str = "http://sign.spin.internal";
const PROVIDER_HOSTS: [&str; 2] = ["{{ btcpay_url }}", "{{ zaprite_url }}"];
const ISSUER_HOST: &str = "{{ instance_issuer_url }}";

/// Where webhooks may go: an allowed host cannot be a list.
const WEBHOOK_HOSTS: [&str; 5] = [
    "webhook_host1",
    "webhook_host2",
    "webhook_host3",
    "webhook_host4",
    "webhook_host5",
];

/// The mail API's two application variables, as those of an RPC endpoint.
const MAIL_PARTS: (&str, &str) = ("mail_host", "mail_path");

/// An RPC endpoint's two application variables: where it is, which the list of
/// allowed hosts takes, and its path, which may hold an access key.
const RPC_PARTS: [(&str, &str); 3] = [
    ("polygon_rpc_url", "polygon_rpc_path"),
    ("polygon_rpc_url2", "polygon_rpc_path2"),
    ("polygon_rpc_url3", "polygon_rpc_path3"),
];

fn granted(app: &SpinApp, component: &str) -> Grants {
    app.grants(component)
        .expect("a component of every function")
}

fn app() -> SpinApp {
    SpinApp::from_manifest(root().join("spin.toml")).expect("the manifest")
}

#[test]
fn components_are_the_functions() {
    let app = app();
    let components: Vec<&str> = app.components().collect();
    assert_eq!(components, functions().into_keys().collect::<Vec<_>>());
}

#[test]
fn components_get_what_the_crates_ask_for_and_nothing_else() {
    let app = app();
    for (name, function) in functions() {
        let (asked, given) = (function.grants, granted(&app, name));
        let databases: &[&str] = match asked.database {
            Access::None => &[],
            Access::Read | Access::ReadWrite => &["default"],
        };
        assert_eq!(given.databases, databases, "{name}: sqlite_databases");
        // Spin mounts folders read-only, so that there is nothing to grant to
        // who may write.
        let mut folders = Vec::new();
        if asked.releases == Access::Read {
            folders.push("/releases");
        }
        if asked.pages {
            folders.push("/static");
        }
        assert_eq!(given.folders, folders, "{name}: files");
        let mut hosts: BTreeSet<String> = match asked.outbound {
            OutboundAccess::None => BTreeSet::new(),
            OutboundAccess::PaymentProviders => PROVIDER_HOSTS.map(str::to_owned).into(),
            OutboundAccess::PaymentProvidersAndIssuer => {
                let hosts = PROVIDER_HOSTS.into_iter().chain([ISSUER_HOST]);
                hosts.map(str::to_owned).collect()
            }
            OutboundAccess::PolygonRpc => RPC_PARTS
                .map(|(place, _)| format!("{{{{ {place} }}}}"))
                .into(),
            OutboundAccess::WebhookEndpoints => {
                let places = WEBHOOK_HOSTS.into_iter().chain([MAIL_PARTS.0]);
                places.map(|place| format!("{{{{ {place} }}}}")).collect()
            }
        };
        if asked.sign {
            hosts.insert(SIGN_HOST.to_owned());
        }
        let given_hosts: BTreeSet<String> = given.outbound_hosts.into_iter().collect();
        assert_eq!(given_hosts, hosts, "{name}: allowed_outbound_hosts");
        let config: BTreeSet<String> = asked
            .config
            .iter()
            .map(|config| config.to_lowercase())
            .collect();
        let variables: BTreeSet<String> = given.variables.into_iter().collect();
        assert_eq!(variables, config, "{name}: variables");
    }
}

/// A variable reaches a component under its own name, and no other way: a
/// template could hand a secret on under the name of something harmless. Two lists and a URL
/// are put together from their parts.
#[test]
fn variables_are_handed_on_under_their_names() {
    let manifest = toml("spin.toml");
    for (name, component) in manifest["component"].as_table().expect("components") {
        let Some(variables) = component
            .get("variables")
            .and_then(|value| value.as_table())
        else {
            continue;
        };
        for (variable, value) in variables {
            let template = |part: &str| format!("{{{{ {part} }}}}");
            let expected = if *variable == name::POLYGON_RPC_URLS.to_lowercase() {
                let parts =
                    RPC_PARTS.map(|(place, path)| [template(place), template(path)].concat());
                parts.join(",")
            } else if *variable == name::MAIL_URL.to_lowercase() {
                [template(MAIL_PARTS.0), template(MAIL_PARTS.1)].concat()
            } else if *variable == name::WEBHOOK_HOSTS.to_lowercase() {
                WEBHOOK_HOSTS.map(template).join(",")
            } else {
                template(variable)
            };
            assert_eq!(value.as_str(), Some(expected.as_str()), "{name}.{variable}");
        }
    }
}

#[test]
fn secret_variables_are_marked_and_have_no_value() {
    let manifest = toml("spin.toml");
    for (variable, settings) in manifest["variables"].as_table().expect("variables") {
        let marked = settings
            .get("secret")
            .and_then(toml::Value::as_bool)
            .unwrap_or(false);
        let part = RPC_PARTS
            .iter()
            .chain([&MAIL_PARTS])
            .find(|(place, path)| variable == place || variable == path);
        let is_secret = match part {
            Some((_, path)) => variable == path,
            None if WEBHOOK_HOSTS.contains(&variable.as_str()) => false,
            None => secret(&variable.to_uppercase()).is_some(),
        };
        assert_eq!(marked, is_secret, "{variable}: secret");
        if is_secret {
            let default = settings.get("default").and_then(toml::Value::as_str);
            assert_eq!(default, Some(""), "{variable}: a checked-in secret is none");
        }
    }
}

#[test]
fn the_signing_key_goes_to_one_component() {
    let text = std::fs::read_to_string(root().join("spin.toml")).expect("the manifest");
    let variable = name::SIGNING_KEY.to_lowercase();
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let lines: Vec<&str> = code.filter(|line| line.contains(&variable)).collect();
    assert_eq!(lines.len(), 2, "declared once, handed on once: {lines:?}");
    assert!(granted(&app(), "sign").variables.contains(&variable));
}
