//! What a publisher is told: whether a version is the newest, and which feeds pass it
//! over.

use crate::publishing::{Press, demo};
use keywright_tests::release_file::ReleaseFile;
use serde_json::{Value, json};

const LINUX: &str = "x86_64-unknown-linux-gnu";
const MAC: &str = "universal-apple-darwin";

fn beta<'a>(version: &'a str, platform: &'a str) -> ReleaseFile<'a> {
    ReleaseFile {
        channel: "beta",
        ..demo(version, platform, version.as_bytes())
    }
}

/// Publishes a file with this metadata.
async fn publish(press: &Press, file: &ReleaseFile<'_>, metadata: Value) -> (u16, Value) {
    press.upload(file).await;
    let mut body = file.publication();
    body["metadata"] = metadata;
    let answer = press.operate("POST", "", &body).await;
    (answer.status, answer.json())
}

fn notices(published: &Value) -> String {
    published["notices"].to_string()
}

#[tokio::test]
async fn what_is_not_the_newest_is_told() {
    let press = Press::new().await;
    for (version, newest, told) in [
        ("4.0.0-beta9", "4.0.0-beta9", ""),
        // Newer here, and not by Semantic Versioning.
        ("4.0.0-beta10", "4.0.0-beta10", "by Semantic Versioning"),
        ("4.0.0-beta8", "4.0.0-beta10", "4.0.0-beta10 is newer"),
        ("4.0.0-beta11+build.9", "4.0.0-beta11+build.9", ""),
        ("4.0.0-beta11+build.10", "4.0.0-beta11+build.10", ""),
    ] {
        let published = press.publish(&beta(version, LINUX)).await;
        assert_eq!(published["newest"], newest, "{published}");
        assert!(notices(&published).contains(told), "{told}: {published}");
        // Longer than an instance keeps the index.
        press.bench.clock.advance(4);
        let path = format!("/releases/demo/latest/{LINUX}?channel=beta");
        let latest = press.bench.get(&path).await;
        let location = latest.headers["location"].to_str().expect("a path");
        assert_eq!(location, format!("/releases/demo/{newest}/{LINUX}"));
    }
    // What is offered instead, where a version is taken back.
    let published = press.publish(&beta("4.0.0-beta12", LINUX)).await;
    let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
    let yanked = json!({ "yanked": { "reason": "" } });
    let answer = press.operate("PATCH", &path, &yanked).await.json();
    assert_eq!(answer["newest"], "4.0.0-beta11+build.10", "{answer}");
}

#[tokio::test]
async fn feeds_that_skip_a_version_are_told_or_refuse_it() {
    let press = Press::new().await;
    let file = |version| demo(version, LINUX, b"the program");
    let (_, published) = publish(&press, &file("2026.10"), json!({})).await;
    let skipped = json!([
        { "updater": "electron", "reason": "not_semantic_versioning" },
        { "updater": "tauri", "reason": "not_semantic_versioning" },
    ]);
    assert_eq!(published["skipped_by"], skipped, "{published}");
    assert!(notices(&published).contains("Semantic Versioning only"));
    // A word that no feed knows is for other installers.
    let (_, published) = publish(&press, &demo("2026.11", "x86_64", b"it"), json!({})).await;
    assert_eq!(published["skipped_by"], json!([]), "{published}");
    assert!(notices(&published).contains("x86_64 is not a Rust target triple"));

    // The version, or its product, says which updater it is for.
    let refused = |answer: &(u16, Value)| {
        assert_eq!(
            (answer.0, answer.1["error"].as_str()),
            (422, Some("unusable_for_updater"))
        );
    };
    refused(&publish(&press, &file("1.2.3.4"), json!({ "electron": {} })).await);
    let rows = press.bench.sql("SELECT id FROM products").await;
    let product = rows[0]["id"].as_str().expect("an id");
    let product = format!("/v1/admin/products/{product}");
    let declared = json!({ "metadata": { "updaters": ["tauri"] } });
    assert_eq!(
        press
            .bench
            .operate("PATCH", &product, &declared)
            .await
            .status,
        200
    );
    refused(&publish(&press, &file("1.02.3"), json!({})).await);
    assert_eq!(press.stored("demo/1.02.3/MANIFEST.json"), Value::Null);
    assert_eq!(publish(&press, &file("1.2.3"), json!({})).await.0, 200);
}

#[tokio::test]
async fn a_forgotten_build_version_is_told_and_can_be_added() {
    let press = Press::new().await;
    let build = |build: u32| json!({ "sparkle": { "build_version": build } });
    let file = |version| demo(version, MAC, b"an archive");
    publish(&press, &file("1.0.0"), build(100)).await;
    let (status, published) = publish(&press, &file("1.1.0"), json!({})).await;
    assert_eq!(status, 200, "{published}");
    let skipped = json!([{ "updater": "sparkle", "reason": "build_version_missing" }]);
    assert_eq!(published["skipped_by"], skipped);
    let feed = async || {
        let answer = press.bench.get("/updates/sparkle/demo/appcast.xml").await;
        String::from_utf8(answer.body.to_vec()).expect("text")
    };
    assert!(feed().await.contains("<sparkle:version>100<"));

    let path = format!("/{}", published["release"]["id"].as_str().expect("an id"));
    for (metadata, status) in [
        (json!("text"), 400),
        (json!({ "a": "x".repeat(20_001) }), 400),
    ] {
        let answer = press
            .operate("PATCH", &path, &json!({ "metadata": metadata }))
            .await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    for changed in [true, false] {
        let answer = press
            .operate("PATCH", &path, &json!({ "metadata": build(110) }))
            .await;
        let answer = answer.json();
        assert_eq!(answer["changed"], changed, "{answer}");
        assert_eq!(answer["skipped_by"], json!([]), "{answer}");
    }
    assert!(feed().await.contains("<sparkle:version>110<"));
    assert_eq!(
        press.stored("demo/1.1.0/MANIFEST.json")["metadata"],
        build(110)
    );
    press.is_in_step().await;
    // Who declares Sparkle is refused before anything is recorded.
    let (status, refused) = publish(&press, &file("1.2.0"), json!({ "sparkle": {} })).await;
    assert_eq!(
        (status, refused["error"].as_str()),
        (422, Some("unusable_for_updater"))
    );
}
