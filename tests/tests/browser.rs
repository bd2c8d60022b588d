//! The storefront in a real browser, against workerd and against the Spin
//! components in the test host, with the payment provider's double and its
//! checkout page. `browser/` holds the tests.

// compatibility: Browsers, chains and wallets | Chromium, by Playwright | npm:playwright-core | `make test` | buys, recovers and downloads in the storefront; workerd and Spin
// compatibility: Browsers, chains and wallets | axe | npm:axe-core | `make test` | finds no barrier on the pages

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use keywright_tests::hosts::releases::{EXTENSION, PAID};
use keywright_tests::hosts::{Configured, Host, Instance, Reuse, root};
use keywright_tests::shop;
use keywright_tests::suite::{Case, Play, floor, run_all};
use keywright_tests::vendor::Release;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Mutex;

/// One browser at a time: two would take the processors from each other.
static TURN: Mutex<()> = Mutex::new(());

fn main() -> ExitCode {
    let play = |prefix, host, case| Play {
        prefix,
        host,
        configured: Configured::Fully,
        cases: vec![case],
    };
    let workerd = Case::new(module_path!(), "pages", |instance| {
        Box::pin(async { browsed(instance, "workerd").await })
    })
    .alone();
    let spin = Case::new(module_path!(), "pages", |instance| {
        Box::pin(async { browsed(instance, "spin").await })
    })
    .alone();
    run_all(vec![
        play("workerd::", Host::Workerd, workerd),
        play("spin_test_host::", Host::SpinTestHost(Reuse::Default), spin),
    ])
}

async fn browsed(instance: &Instance, host: &str) {
    recorded(instance).await;
    browse(instance, host);
}

/// The extension is on sale and its releases, whose files every instance has,
/// are recorded, as publishing them does: links are made of what is recorded.
async fn recorded(instance: &Instance) {
    floor::product(instance, EXTENSION, 0).await;
    for (version, entitlement) in [("1.0.0", Value::Null), ("1.1.0", json!("pro"))] {
        let name = format!("{EXTENSION}-{version}-any");
        let bytes = format!("{PAID}: {name}\n");
        let release = Release::new(EXTENSION, version)
            .with("requires_entitlement", entitlement)
            .holding("any", &name, bytes.as_bytes());
        for (sql, params) in release.statements() {
            let params: Vec<&str> = params.iter().map(String::as_str).collect();
            instance.database.change(sql, &params).await;
        }
    }
}

/// Runs every test of the folder in one process, and so in one browser.
fn browse(instance: &Instance, host: &str) {
    let _turn = TURN.lock();
    let folder = root().join("tests/browser");
    let mut tests: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the tests")
        .map(|entry| entry.expect("a test").path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    assert!(tests.len() > 3, "{tests:?}");
    let screenshots = root().join("build/browser").join(host);
    // Those of an earlier run would be taken for this one's.
    let _ = std::fs::remove_dir_all(&screenshots);
    std::fs::create_dir_all(&screenshots).expect("a folder");
    // Blocks this case's own thread; instances serve from others.
    let output = Command::new(set_up("KEYWRIGHT_TEST_NODE"))
        .args([
            "--test",
            "--test-isolation=none",
            "--test-reporter=spec",
            "--test-timeout=300000",
        ])
        .args(tests)
        .env("KEYWRIGHT_BASE_URL", instance.api.base_url())
        .env("KEYWRIGHT_BTCPAY_URL", instance.btcpay.base_url())
        .env("KEYWRIGHT_CONTROL_URL", instance.btcpay.control_url())
        .env("KEYWRIGHT_RPC_URL", instance.rpc.url())
        .env("KEYWRIGHT_ADMIN_KEY", shop::ADMIN_KEY)
        .env("KEYWRIGHT_CRON_TOKEN", shop::CRON_TOKEN)
        .env("KEYWRIGHT_CHROMIUM", set_up("KEYWRIGHT_TEST_CHROMIUM"))
        .env(
            "KEYWRIGHT_NODE_MODULES",
            set_up("KEYWRIGHT_TEST_NODE_MODULES"),
        )
        .env("KEYWRIGHT_SCREENSHOTS", &screenshots)
        .env("NO_COLOR", "1")
        // The instance is on this machine, whatever proxy the machine uses.
        .env("NO_PROXY", "*")
        .output()
        .expect("Node");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    // The summary's lines, not the names of tests.
    let count = |what: &str| -> Option<u32> {
        let summary = said.lines().filter(|line| line.starts_with('ℹ'));
        let line = summary.into_iter().find_map(|line| line.split_once(what));
        line?.1.trim().parse().ok()
    };
    assert!(count("pass ").is_some_and(|passed| passed > 20), "{said}");
    for what in ["skipped ", "todo ", "cancelled "] {
        assert_eq!(count(what), Some(0), "{said}");
    }
}

fn set_up(variable: &str) -> OsString {
    let found = std::env::var_os(variable);
    found.unwrap_or_else(|| missing(variable))
}

#[expect(clippy::panic, reason = "the test fails here")]
fn missing(variable: &str) -> OsString {
    panic!("{variable} is not set: run these tests through `make test`")
}
