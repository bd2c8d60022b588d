//! Nobody is granted more than the table in `docs/privileges.md`: not by the
//! crates, not by the manifests of either host, not by what the compiled
//! components import; and all of them agree.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

mod access;
mod arrows;
mod components;
mod routes;
mod spin;
mod table;
mod wrangler;

use keywright_ports::function::{Access, OutboundAccess};
use keywright_ports::name;
use keywright_tests::hosts::root;
use keywright_tests::shop;
use keywright_web::Function;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use table::Row;

fn toml(path: &str) -> toml::Table {
    let path = root().join(path);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}", path.display());
    });
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every function by its name, sign included.
fn functions() -> BTreeMap<&'static str, &'static Function> {
    let public = shop::FUNCTIONS.iter().map(|(_, function)| *function);
    public
        .chain([&keywright_sign::FUNCTION])
        .map(|function| (function.name, function))
        .collect()
}

/// The group of secrets that a configuration name belongs to; none for what is
/// public.
fn secret(config: &str) -> Option<&'static str> {
    match config {
        name::SIGNING_KEY => Some("signing key"),
        name::ADMIN_KEY => Some("admin key"),
        // The latter opens those of connected stores.
        name::BTCPAY_API_KEY | name::CREDENTIALS_KEY => Some("provider credentials"),
        name::RECEIPT_KEYS => Some("receipt keys"),
        name::SEAL_KEY => Some("seal key"),
        name::BTCPAY_WEBHOOK_SECRET => Some("webhook secrets"),
        name::WEBHOOK_KEY => Some("webhook secrets key"),
        name::MAIL_API_KEY | name::MAIL_HEADERS | name::MAIL_KEY => Some("mail credentials"),
        name::CRON_TOKEN => Some("cron token"),
        name::POLYGON_RPC_URLS => Some("RPC URLs"),
        name::INSTANCE_LICENSE => Some("instance license"),
        name::VERIFY_KEYS
        | name::PUBLIC_URL
        | name::OPERATOR_NAME
        | name::CLIENT_ADDRESS_HEADER
        | name::RELEASES_SENDFILE
        | name::VALIDATION_LOG_DAYS
        | name::DOWNLOAD_LOG_DAYS
        | name::ABANDONED_ORDER_DAYS
        | name::EVENT_DAYS
        | name::AUDIT_DAYS
        | name::WEBHOOK_HOSTS
        | name::WEBHOOK_PRIVATE
        | name::WEBHOOKS_PER_TICK
        | name::WEBHOOK_HOLD_DAYS
        | name::MAIL_TRANSPORT
        | name::MAIL_URL
        | name::MAIL_TEMPLATE
        | name::MAIL_FORMAT
        | name::MAIL_IDEMPOTENCY_HEADER
        | name::MAIL_SUCCESS
        | name::MAIL_FROM
        | name::MAIL_OPERATOR
        | name::MAIL_LANGUAGE
        | name::MAIL_PER_DAY
        | name::MAIL_HOLD_MINUTES
        | name::GIT_URL
        | name::POLYGON_CHAIN_ID
        | name::USDC_ADDRESS
        | name::WALLET_ADDRESS
        | name::WALLET_XPUB
        | name::USDC_ORDER_MINUTES
        | name::USDC_AMOUNT_SPREAD
        | name::USDC_INSTANCE
        | name::POLYGON_CONFIRMATIONS
        | name::POLYGON_START_BLOCK
        | name::LEGACY_TX_CLAIMS
        | name::RECEIPT_SEALING_UNTIL
        | name::BTCPAY_URL
        | name::ZAPRITE_URL
        | name::BTCPAY_BROWSER_URL
        | name::SANDBOX_MODE
        | name::INSTANCE_ISSUER_KEY
        | name::INSTANCE_ISSUER_URL
        | name::INSTANCE_PRODUCT_SLUG
        | name::INSTANCE_PRODUCT_ID
        | name::BTCPAY_STORE_ID => None,
        other => panic!("{other}: say here whether it is secret, and in which group"),
    }
}

/// The folders of `functions/`, without the gateway, which is no function.
fn folders() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("functions")).expect("the folder of functions");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.into_string().expect("a plain name"))
        .collect();
    names.retain(|name| name != "gateway");
    names.sort();
    names
}

#[test]
fn every_function_has_a_crate_a_row_and_is_tested_here() {
    let rows = table::read();
    let known: Vec<&str> = functions().into_keys().collect();
    assert_eq!(folders(), known);
    for name in known {
        assert!(
            rows.contains_key(name),
            "docs/privileges.md has no row for {name}"
        );
    }
}

#[test]
fn no_crate_asks_for_more_than_its_row() {
    let rows = table::read();
    for (name, function) in functions() {
        let (grants, row) = (function.grants, &rows[name]);
        assert!(
            Row::covers(row.database, grants.database),
            "{name}: database {:?}",
            grants.database
        );
        assert_eq!(
            grants.database_optional, row.database_optional,
            "{name}: may the database be left out?"
        );
        assert!(
            Row::covers(row.releases, grants.releases),
            "{name}: releases {:?}",
            grants.releases
        );
        assert!(!grants.sign || row.sign, "{name}: sign");
        match grants.outbound {
            OutboundAccess::None => {}
            OutboundAccess::PaymentProviders => {
                assert!(row.may_call(Row::PROVIDERS), "{name}: payment providers");
            }
            OutboundAccess::PaymentProvidersAndIssuer => {
                assert!(row.may_call(Row::PROVIDERS), "{name}: payment providers");
                assert!(row.may_call(Row::ISSUER), "{name}: the instance issuer");
            }
            OutboundAccess::PolygonRpc => assert!(row.may_call(Row::RPC), "{name}: RPC"),
            OutboundAccess::WebhookEndpoints => {
                assert!(row.may_call(Row::WEBHOOKS), "{name}: webhook endpoints");
                assert!(row.may_call(Row::MAIL), "{name}: the mail API");
            }
        }
        for group in grants.config.iter().filter_map(|config| secret(config)) {
            assert!(row.secrets.contains(group), "{name}: {group}");
        }
    }
}

/// Each function checks every name that it is granted when it starts, and no other.
#[test]
fn every_granted_name_is_checked() {
    for (name, function) in functions() {
        let checked = function.settings.iter().flat_map(|setting| setting.names);
        let mut checked: Vec<&str> = checked.copied().collect();
        let mut granted = function.grants.config.to_vec();
        checked.sort_unstable();
        granted.sort_unstable();
        assert_eq!(checked, granted, "{name}");
    }
}

#[test]
fn the_signing_key_and_the_seal_key_are_in_one_function() {
    for key in [name::SIGNING_KEY, name::SEAL_KEY] {
        let holders: Vec<&str> = functions()
            .into_iter()
            .filter(|(_, function)| function.grants.config.contains(&key))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(holders, ["sign"], "{key}");
    }
    let sign = keywright_sign::FUNCTION.grants;
    assert_eq!((sign.outbound, sign.sign), (OutboundAccess::None, false));
    assert_eq!(sign.database, Access::Read);
}

/// What writes receipts may seal them, and sign may check them. Nothing else holds
/// the key, though all of them have the database.
#[test]
fn receipts_are_sealed_by_those_who_may_settle() {
    let holders: Vec<&str> = functions()
        .into_iter()
        .filter(|(_, function)| function.grants.config.contains(&name::RECEIPT_KEYS))
        .map(|(name, _)| name)
        .collect();
    let settle = ["admin", "purchase", "renew", "sign", "watch", "webhook"];
    assert_eq!(holders, settle);
}

/// Who may call addresses that operators enter has no way to money, to keys or to a
/// signature.
#[test]
fn what_calls_webhooks_can_do_nothing_else() {
    let callers: Vec<&str> = functions()
        .into_iter()
        .filter(|(_, function)| function.grants.outbound == OutboundAccess::WebhookEndpoints)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(callers, ["deliver"]);
    let mailers = functions()
        .into_iter()
        .filter(|(_, function)| function.grants.mail_binding);
    assert_eq!(mailers.count(), 1, "and mails, alone");
    let deliver = keywright_deliver::FUNCTION.grants;
    assert!(deliver.mail_binding);
    assert_eq!((deliver.sign, deliver.releases), (false, Access::None));
    let groups: BTreeSet<&str> = deliver
        .config
        .iter()
        .filter_map(|name| secret(name))
        .collect();
    assert_eq!(
        groups,
        ["cron token", "mail credentials", "webhook secrets key"].into()
    );
}

#[test]
fn the_migrations_in_the_code_are_the_files() {
    let entries = std::fs::read_dir(root().join("migrations")).expect("the folder of migrations");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let in_code = keywright_store::MIGRATIONS;
    assert_eq!(files.len(), in_code.len(), "{files:?}");
    for ((file, migration), number) in files.iter().zip(in_code).zip(1..) {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a plain name");
        assert!(
            name.starts_with(&format!("{number:04}_")),
            "{name}: numbers run 1, 2, 3, …"
        );
        assert_eq!(migration.level, number, "{name}");
        assert_eq!(
            migration.sql,
            std::fs::read_to_string(file).expect("its text"),
            "{name}"
        );
    }
}
