//! A folder without a server.

use crate::tool::{Vendor, release};
use keywright_domain::release::manifest::VersionManifest;
use keywright_domain::slug::Slug;
use keywright_tests::hosts::Instance;
use serde_json::json;
use std::path::Path;

fn manifest(folder: &Path, version: &str) -> VersionManifest {
    let path = folder.join(format!("demo/{version}/MANIFEST.json"));
    let json = std::fs::read(path).expect("a manifest");
    let demo = Slug::parse("demo").expect("a slug");
    VersionManifest::read(&json, &demo, version).expect("a manifest")
}

pub(crate) async fn published_without_a_server(_: &Instance) {
    let vendor = Vendor::new().await;
    let releases = vendor.folder().join("releases");
    std::fs::create_dir(&releases).expect("a folder");
    let place = ["--folder".to_owned(), vendor.path("releases")];
    let key = vendor.path("release.key");
    let file = vendor.file("demo", b"the program");
    let other = vendor.file("other", b"other bytes");
    let publish = |platform: &'static str, file: String| {
        let (place, key) = (place.clone(), key.clone());
        async move {
            let arguments = [
                "publish",
                "--product",
                "demo",
                "--version",
                "1.0.0",
                "--channel",
                "rc",
                "--platform",
                platform,
                "--key",
                &key,
                &file,
            ];
            release(&place, &arguments).await
        }
    };
    assert_eq!(publish("any", file.clone()).await.ok()["changed"], true);
    let first = manifest(&releases, "1.0.0");
    let content = releases.join(format!("demo/.files/{}", first.artifacts[0].sha256));
    assert_eq!(std::fs::read(&content).expect("the bytes"), b"the program");
    assert_eq!(publish("any", file.clone()).await.ok()["changed"], false);
    assert_eq!(manifest(&releases, "1.0.0"), first);
    publish("any", other.clone())
        .await
        .is_refused(3, "with different bytes");
    assert_eq!(manifest(&releases, "1.0.0"), first);
    // A copy that was damaged is made again.
    std::fs::write(&content, b"the progrbm").expect("damage");
    assert_eq!(publish("any", file).await.ok()["changed"], false);
    assert_eq!(std::fs::read(&content).expect("the bytes"), b"the program");
    publish("any.zip", other).await.ok();
    let metadata = vendor.file("metadata.json", br#"{"tauri":{}}"#);
    let linux = "x86_64-unknown-linux-gnu";
    let unreadable = [
        "publish",
        "--product",
        "demo",
        "--version",
        "2026.10",
        "--platform",
        linux,
        "--key",
        &key,
        "--metadata",
        &metadata,
        &vendor.path("demo"),
    ];
    release(&place, &unreadable)
        .await
        .is_refused(2, "Semantic Versioning only");
    let which = ["--product", "demo", "--version", "1.0.0"];
    let promote = ["promote", "--channel", "stable", "--key", &key];
    release(&place, &[&promote[..], &which].concat()).await.ok();
    let yank = ["yank", "--reason", "bad"];
    release(&place, &[&yank[..], &which].concat()).await.ok();
    let rollout = ["rollout", "--percent", "3"];
    release(&place, &[&rollout[..], &which].concat()).await.ok();
    let after = manifest(&releases, "1.0.0");
    assert_eq!((after.artifacts.len(), after.rollout_percent), (2, 3));
    assert_eq!(after.channel.as_str(), "stable");
    assert_eq!(
        after.yanked.map(|yanked| yanked.reason).as_deref(),
        Some("bad")
    );
    let index = |releases: &Path| {
        let json = std::fs::read(releases.join("demo/INDEX.json")).expect("an index");
        let index: serde_json::Value = serde_json::from_slice(&json).expect("json");
        index["versions"].clone()
    };
    assert_eq!(index(&releases), json!([]), "it is yanked");
    release(&place, &[&["unyank"][..], &which].concat())
        .await
        .ok();
    let offered = json!([{ "version": "1.0.0", "channel": "stable", "rollout_percent": 3,
                           "files": ["any", "any.zip"] }]);
    assert_eq!(index(&releases), offered);
    release(&place, &["open", "--product", "demo"]).await.ok();
    let gate = std::fs::read_to_string(releases.join("demo/MANIFEST.json"));
    assert_eq!(gate.expect("the gate"), r#"{"requires_license":false}"#);
    let list = release(&place, &["list"]).await.ok();
    assert_eq!(list["releases"][0]["version"], json!("1.0.0"));
    // A version of an older server stays as it is.
    let older = releases.join("demo/0.9.0/MANIFEST.json");
    std::fs::create_dir_all(older.parent().expect("a folder")).expect("a folder");
    std::fs::write(&older, r#"{"sha256":"00"}"#).expect("a file");
    let yank = ["yank", "--product", "demo", "--version", "0.9.0"];
    release(&place, &yank).await.is_refused(3, "older server");
    let left = std::fs::read_dir(releases.join("demo/.files")).expect("the folder");
    assert_eq!(left.count(), 2, "nothing half-written is left");
}

pub(crate) async fn two_jobs_at_once(_: &Instance) {
    let vendor = Vendor::new().await;
    let releases = vendor.folder().join("releases");
    std::fs::create_dir(&releases).expect("a folder");
    let place = ["--folder".to_owned(), vendor.path("releases")];
    let key = vendor.path("release.key");
    let publish = |version: String, platform: &'static str| {
        let file = vendor.file(platform, platform.as_bytes());
        let (place, key) = (place.clone(), key.clone());
        async move {
            let arguments = [
                "publish",
                "--product",
                "demo",
                "--version",
                &version,
                "--platform",
                platform,
                "--key",
                &key,
                &file,
            ];
            release(&place, &arguments).await.ok()
        }
    };
    for round in 0..10 {
        let version = format!("1.0.{round}");
        tokio::join!(
            publish(version.clone(), "x86_64-unknown-linux-gnu"),
            publish(version.clone(), "aarch64-apple-darwin"),
            publish(version.clone(), "any"),
        );
        assert_eq!(manifest(&releases, &version).artifacts.len(), 3);
    }
}
