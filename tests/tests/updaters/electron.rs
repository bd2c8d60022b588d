//! electron-updater from npm.

// compatibility: Updaters | electron-updater | npm:electron-updater | `make test` | its generic provider finds, downloads and verifies updates

use crate::{open, output, publish};
use keywright_domain::release::Channel;
use keywright_tests::hosts::Instance;
use keywright_tests::suite::Case;
use keywright_tests::suite::floor::product;
use keywright_tests::vendor::Release;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

pub(crate) const CASES: &[Case] = &[Case::new(module_path!(), "generic_provider", |instance| {
    Box::pin(generic_provider(instance))
})
.alone()];

const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// The file of this platform that every instance has.
const CONTENT: &[u8] = b"#!/bin/sh\necho open\n";

/// What the provider reads and downloads.
async fn provider(instance: &Instance, channel: &str, platform: &str) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("updaters/electron.mjs");
    let node = std::env::var("KEYWRIGHT_TEST_NODE").expect("KEYWRIGHT_TEST_NODE; run `make test`");
    let modules = std::env::var("KEYWRIGHT_TEST_NODE_MODULES").expect("its modules");
    let url = format!("{}/updates/electron/open", instance.api.base_url());
    let arguments = [&modules, &url, channel, platform, "client-1"].map(str::to_owned);
    let said = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(node);
        command
            .arg(script)
            .args(arguments)
            .env("TEST_UPDATER_ARCH", "x64");
        output(&mut command)
    });
    let said = said.await.expect("the provider");
    serde_json::from_str(&said).expect("JSON")
}

async fn generic_provider(instance: &Instance) {
    product(instance, "open", 0).await;
    open(instance, "open").await;
    let notes = "# 1.0.0\n\n- it's: \"fast\"\n- {braces} & %percent\u{85}";
    publish(
        instance,
        &[
            Release::new("open", "1.0.0")
                .with("notes", json!(notes))
                .with(
                    "metadata",
                    json!({"electron": {"release_name": "The first: one"}}),
                )
                .holding(PLATFORM, "Open App (1.0.0).AppImage", CONTENT),
            Release::on(Channel::Beta, "open", "1.1.0-beta.1").holding(
                "x86_64-pc-windows-msvc",
                "Setup.exe",
                CONTENT,
            ),
        ],
    )
    .await;
    let read = provider(instance, "", "linux").await;
    let info = &read["info"];
    assert_eq!(info["version"], "1.0.0");
    assert_eq!(info["releaseNotes"], notes);
    assert_eq!(info["releaseName"], "The first: one");
    assert_eq!(info["releaseDate"], "2027-01-14T08:00:00Z");
    assert_eq!(info["files"][0]["size"], CONTENT.len());
    assert_eq!(info["path"], info["files"][0]["url"]);
    assert_eq!(info["sha512"], info["files"][0]["sha512"]);
    let download = &read["downloads"][0];
    let content = std::str::from_utf8(CONTENT).expect("text");
    assert_eq!(
        download["content"], content,
        "followed to the download: {read}"
    );
    assert_eq!(download["refused"], "ERR_CHECKSUM_MISMATCH", "{read}");

    // Versions that its parser throws at take nothing from those that it reads.
    let unreadable = [
        "2026.10",
        "2026.10.1.1",
        "2026.10.02",
        "9007199254740992.0.0",
    ];
    let unreadable = unreadable
        .map(|version| Release::new("open", version).holding(PLATFORM, "a.AppImage", CONTENT));
    publish(instance, &unreadable).await;
    let read = provider(instance, "", "linux").await;
    assert_eq!(read["info"]["version"], "1.0.0");
}
