//! The feeds and downloads as the real programs read them: electron-updater's own provider,
//! Joomla's rules in PHP, pip, and Tauri's updater, where `make tauri` has built it. What
//! Tauri and Sparkle check is checked with the same libraries in `in_process`.

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

mod electron;
mod joomla;
mod pip;
mod tauri;

use keywright_tests::hosts::{Host, Instance};
use keywright_tests::suite::run;
use keywright_tests::vendor::{GATE, Release};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut cases = [electron::CASES, joomla::CASES, pip::CASES].concat();
    if std::env::var_os(tauri::PROGRAM).is_some() {
        cases.extend_from_slice(tauri::CASES);
    }
    run(Host::Native, cases.into_iter())
}

/// Records releases as published.
async fn publish(instance: &Instance, releases: &[Release]) {
    for (sql, params) in releases.iter().flat_map(Release::statements) {
        let params: Vec<&str> = params.iter().map(String::as_str).collect();
        instance.database.change(sql, &params).await;
    }
}

/// Opens a product to everybody.
async fn open(instance: &Instance, product: &str) {
    instance.database.change(GATE, &[product, "0", ""]).await;
}

/// What a program prints, which has to succeed.
fn output(command: &mut Command) -> String {
    let output = command
        .output()
        .expect("the program; `make test` installs it");
    let said = String::from_utf8(output.stdout).expect("text");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    said
}
