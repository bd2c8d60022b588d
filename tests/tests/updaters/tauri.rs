//! Tauri's own updater, where `make tauri` has built the program that asks with it
//! (`tests/tauri`).

// compatibility: Updaters | Tauri updater plugin | tauri:tauri-plugin-updater | `make tauri` | finds, downloads, verifies and installs an update

use crate::{output, publish};
use data_encoding::BASE64;
use keywright_tests::hosts::Instance;
use keywright_tests::suite::Case;
use keywright_tests::suite::floor::{issue, product, text};
use keywright_tests::vendor::{self, Release};
use serde_json::{Value, json};
use std::process::Command;

pub(crate) const CASES: &[Case] = &[Case::new(module_path!(), "its_updater", |instance| {
    Box::pin(its_updater(instance))
})
.alone()];

/// Where the program is; nothing where it was not built.
pub(crate) const PROGRAM: &str = "KEYWRIGHT_TEST_TAURI";

const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// The files of this platform that every instance has.
const SOLD: &str = "#!/bin/sh\necho what was paid for\n";

/// What the updater of an installation says.
async fn asked(instance: &Instance, slug: &str, installed: &str, key: &str) -> Value {
    let program = std::env::var_os(PROGRAM).expect("the program; run `make tauri`");
    let base = instance.api.base_url();
    let endpoint = format!(
        "{base}/updates/tauri/{slug}/{{{{target}}}}/{{{{arch}}}}/{{{{current_version}}}}\
         ?bundle_type={{{{bundle_type}}}}"
    );
    let public_key = BASE64.encode(vendor::minisign_public_key().as_bytes());
    let (installed, key) = (installed.to_owned(), key.to_owned());
    let said = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(program);
        command.args([&endpoint, &public_key, &installed]);
        if !key.is_empty() {
            command.arg(key);
        }
        output(&mut command)
    });
    serde_json::from_str(&said.await.expect("the program")).expect("JSON")
}

async fn its_updater(instance: &Instance) {
    for slug in ["sold", "mistaken"] {
        product(instance, slug, 0).await;
    }
    publish(
        instance,
        &[
            Release::new("sold", "2.0.0")
                .with("notes", json!("Faster.\nAnd \"safer\"."))
                .holding(PLATFORM, "sold-2.0.0.AppImage", SOLD.as_bytes()),
            // Its signature is over other bytes than the gate has.
            Release::new("mistaken", "1.0.0").holding(PLATFORM, "m.AppImage", b"other bytes"),
        ],
    )
    .await;
    let key = async |slug: &str| text(&issue(instance, slug, json!({})).await, "license_key");
    let sold = key("sold").await;

    // The key is sent with the download, too, and its signed link is what opens it.
    let read = asked(instance, "sold", "1.9.0", &sold).await;
    let update = &read["update"];
    assert_eq!(update["version"], "2.0.0", "{read}");
    assert_eq!(update["notes"], "Faster.\nAnd \"safer\".");
    assert_eq!(update["pub_date"], "2027-01-14T08:00:00Z");
    assert_eq!(update["content"], SOLD, "downloaded and verified: {read}");

    let current = asked(instance, "sold", "2.0.0", &sold).await;
    assert_eq!(current, json!({ "update": null }));
    let refused = |read: Value| text(&read["update"], "refused");
    // Versions are public; the download is not.
    let without = refused(asked(instance, "sold", "1.9.0", "").await);
    assert!(without.contains("401"), "{without}");
    let other = refused(asked(instance, "mistaken", "0.9.0", &key("mistaken").await).await);
    assert!(other.contains("signature"), "{other}");
}
