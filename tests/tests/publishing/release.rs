//! A release from the first upload to the day it is taken back.

// compatibility: Downloads and installers | minisign and OpenSSL | - | `make test` | verify files that `keywright` signed; workerd and Spin

use crate::stores;
use crate::tool::{Said, Vendor, json, other, release};
use data_encoding::BASE64;
use keywright_tests::hosts::Instance;
use serde_json::{Value, json as object};

const LINUX: &str = "x86_64-unknown-linux-gnu";

async fn product(instance: &Instance, slug: &str) {
    let body = object!({ "slug": slug, "name": slug, "price_sats": 1 });
    let made = instance
        .api
        .admin(http::Method::POST, "products", &body)
        .await;
    made.ok();
}

/// The manifest where the instance reads it, where that is a folder.
fn in_folder(instance: &Instance, product: &str, version: &str) -> Option<Value> {
    let path = format!("{product}/{version}/MANIFEST.json");
    let bytes = std::fs::read(instance.releases().join(path)).ok()?;
    Some(serde_json::from_slice(&bytes).expect("a manifest"))
}

/// The real minisign and OpenSSL accept the signature, and minisign prints what
/// was stated.
async fn is_accepted(vendor: &Vendor, file: &str, artifact: &Value, states: &[&str]) {
    let signature = artifact["signature"].as_str().expect("a signature");
    let path = vendor.file("accepted.sig", signature.as_bytes());
    let public = vendor.path("release.pub");
    let check = ["-V", "-p", &public, "-m", file, "-x", &path];
    let checked = other("minisign", &check).await;
    assert_eq!(checked.code, 0, "{checked:?}");
    for item in states {
        assert!(checked.out.contains(item), "{item}: {checked:?}");
    }
    let lines: Vec<&str> = signature.lines().collect();
    let packet = BASE64.decode(lines[1].as_bytes()).expect("base64");
    let raw = vendor.file("accepted.raw", &packet[10..]);
    let key = std::fs::read_to_string(&public).expect("the key");
    let key = key.lines().nth(1).expect("a line");
    let key = BASE64.decode(key.as_bytes()).expect("base64");
    let spki = [
        data_encoding::HEXLOWER
            .decode(b"302a300506032b6570032100")
            .expect("hex"),
        key[10..].to_vec(),
    ];
    let der = vendor.file("accepted.der", &spki.concat());
    let check = [
        "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", &der, "-in", file,
        "-sigfile", &raw,
    ];
    let checked = other("openssl", &check).await;
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[expect(clippy::too_many_lines, reason = "one release, from beginning to end")]
pub(crate) async fn published_promoted_and_taken_back(instance: &Instance) {
    product(instance, "told").await;
    let vendor = Vendor::new().await;
    let place = vendor.place(instance);
    let key = vendor.path("release.key");
    let bare = vendor.file("told", b"#!/bin/sh\necho told\n");
    let bundle = vendor.file("told-1.0.0.tar.gz", b"an archive");
    let notes = vendor.file("notes.md", b"What is new");
    let metadata = vendor.file("metadata.json", br#"{"sparkle":{"build_version":"7"}}"#);
    let base = ["publish", "--product", "told", "--key", &key];
    let publish = |arguments: &[&str]| {
        let arguments: Vec<String> = [&base, arguments]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let place = place.clone();
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            release(&place, &arguments).await
        }
    };
    let first = [
        "--version",
        "1.0.0",
        "--channel",
        "rc",
        "--platform",
        LINUX,
        "--notes",
        &notes,
        "--metadata",
        &metadata,
        "--built-at",
        "2026-01-02T03:04:05Z",
        "--source-commit",
        "abc",
        "--rollout",
        "50",
        "--requires-entitlement",
        "pro",
        &bare,
        &bundle,
    ];
    let published = publish(&first).await.ok();
    assert_eq!(published["changed"], true);
    let manifest = published["manifest"].clone();
    assert_eq!(manifest["notes"], "What is new");
    assert_eq!(manifest["built_at_unix"], 1_767_323_045);
    assert_eq!(manifest["metadata"]["sparkle"]["build_version"], "7");
    assert_eq!(manifest["requires_entitlement"], "pro");
    let files = manifest["artifacts"].as_array().expect("files");
    let platforms: Vec<&str> = files
        .iter()
        .filter_map(|f| f["platform"].as_str())
        .collect();
    assert_eq!(platforms, [LINUX, &format!("{LINUX}.tar.gz")]);
    let states = [
        "product:told",
        "version:1.0.0",
        "channel:rc",
        "size:20",
        "file:told",
    ];
    is_accepted(&vendor, &bare, &files[0], &states).await;
    is_accepted(&vendor, &bundle, &files[1], &["size:10"]).await;
    if !stores(instance) {
        assert_eq!(in_folder(instance, "told", "1.0.0"), Some(manifest.clone()));
    }

    let again = publish(&first).await.ok();
    assert_eq!(again["changed"], false);
    assert_eq!(again["manifest"], manifest, "the first signature stays");

    // Promoted: the bytes' signature stays, the statement is a new one.
    let promote = [
        "promote",
        "--product",
        "told",
        "--version",
        "1.0.0",
        "--channel",
        "stable",
        "--key",
        &key,
    ];
    let promoted = release(&place, &promote).await.ok();
    assert_eq!(promoted["changed"], true);
    let manifest = promoted["manifest"].clone();
    assert_eq!(manifest["channel"], "stable");
    let second_line = |artifact: &Value| {
        let signature = artifact["signature"].as_str().expect("a signature");
        signature.lines().nth(1).map(str::to_owned)
    };
    assert_eq!(
        second_line(&manifest["artifacts"][0]),
        second_line(&files[0])
    );
    is_accepted(
        &vendor,
        &bare,
        &manifest["artifacts"][0],
        &["channel:stable"],
    )
    .await;
    assert_eq!(release(&place, &promote).await.ok()["changed"], false);

    for (arguments, changed) in [
        (&["yank", "--reason", "bad"][..], true),
        (&["yank", "--reason", "bad"], false),
        (&["unyank"], true),
        (&["unyank"], false),
        (&["rollout", "--percent", "100"], true),
        (&["rollout", "--percent", "100"], false),
    ] {
        let which = ["--product", "told", "--version", "1.0.0"];
        let done = release(&place, &[arguments, &which].concat()).await.ok();
        assert_eq!(done["changed"], changed, "{arguments:?}");
        if !stores(instance) {
            let there = in_folder(instance, "told", "1.0.0");
            assert_eq!(there.as_ref(), Some(&done["manifest"]), "{arguments:?}");
        }
    }
    // Settings for updaters can be corrected; nothing is signed again.
    let other_build = vendor.file("other.json", br#"{"sparkle":{"build_version":"8"}}"#);
    for (file, changed) in [(&metadata, false), (&other_build, true)] {
        let which = [
            "metadata",
            "--product",
            "told",
            "--version",
            "1.0.0",
            "--metadata",
        ];
        let done = release(&place, &[&which[..], &[file.as_str()]].concat())
            .await
            .ok();
        assert_eq!(done["changed"], changed);
        assert_eq!(done["newest"], "1.0.0");
    }
    let listed = release(&place, &["list", "--product", "told"]).await.ok();
    let listed = listed["releases"].as_array().expect("a list").clone();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["rollout_percent"], 100);
    for (arguments, changed) in [
        (&["open"][..], true),
        (&["open"], false),
        (&["close", "--requires-entitlement", "pro"], true),
    ] {
        let done = release(&place, &[arguments, &["--product", "told"]].concat());
        assert_eq!(done.await.ok()["changed"], changed, "{arguments:?}");
    }
    let installer = [
        "installer",
        "--product",
        "told",
        "--public-key",
        &vendor.path("release.pub"),
    ];
    for changed in [true, false] {
        let done = release(&place, &installer).await.ok();
        assert_eq!(done["changed"], changed);
    }
    let script = instance.api.get("/releases/told/install.sh").await;
    if script.status == 200 {
        assert!(script.text().starts_with("#!/bin/sh"), "{script:?}");
    }
}

#[expect(clippy::too_many_lines, reason = "one refusal after the other")]
pub(crate) async fn refused(instance: &Instance) {
    product(instance, "shut").await;
    let vendor = Vendor::new().await;
    let place = vendor.place(instance);
    let key = vendor.path("release.key");
    let file = vendor.file("shut", b"the program");
    let publish = |version: &'static str, product: &'static str, file: &str, more: &[&str]| {
        let mut arguments: Vec<String> = [
            "publish",
            "--product",
            product,
            "--version",
            version,
            "--platform",
            LINUX,
            "--key",
            &key,
            file,
        ]
        .map(str::to_owned)
        .to_vec();
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        let place = place.clone();
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            release(&place, &arguments).await
        }
    };
    publish("v1.0.0", "shut", &file, &[]).await.ok();
    // What is not refused is told.
    let told = publish("0.9", "shut", &file, &[]).await.ok();
    assert_eq!(told["newest"], "1.0.0", "{told}");
    assert_eq!(told["skipped_by"][0]["updater"], "electron", "{told}");
    assert_eq!(told["notices"].as_array().map(Vec::len), Some(3), "{told}");
    let metadata = vendor.file("electron.json", br#"{"electron":{}}"#);
    publish("0.9.1.2", "shut", &file, &["--metadata", &metadata])
        .await
        .is_refused(2, "Semantic Versioning only");
    let late = ["--built-at", "1700000000000"];
    publish("0.9.1", "shut", &file, &late)
        .await
        .is_refused(2, "milliseconds");
    let other = vendor.file("other", b"other bytes");
    let refused: Said = publish("1.0.0", "shut", &other, &[]).await;
    refused.is_refused(3, "with different bytes");
    let refused = publish("1.0.0", "shut", &file, &["--channel", "beta"]).await;
    refused.is_refused(3, "keywright release promote");
    let refused = publish("2.0.0-rc.1", "shut", &file, &[]).await;
    refused.is_refused(2, "pre-release");
    let refused = publish("1.0.0", "no-such-product", &file, &[]).await;
    refused.is_refused(3, "no-such-product");
    let refused = publish("vv1", "shut", &file, &[]).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    let empty = vendor.file("empty", b"");
    publish("3.0.0", "shut", &empty, &[])
        .await
        .is_refused(2, "empty");
    publish("3.0.0", "shut", &file, &[&file])
        .await
        .is_refused(2, "extension");
    let yank = ["yank", "--product", "shut", "--version", "9.0.0"];
    release(&place, &yank)
        .await
        .is_refused(3, "is not published");

    // Another key: its statement would stand beside a signature of the first.
    let stranger = Vendor::new().await;
    let promote = [
        "promote",
        "--product",
        "shut",
        "--version",
        "1.0.0",
        "--channel",
        "beta",
        "--key",
        &stranger.path("release.key"),
    ];
    release(&place, &promote)
        .await
        .is_refused(4, "not signed again");

    let url = instance.api.base_url();
    let wrong = vendor.file("wrong", b"0123456789abcdef0123456789abcdef");
    let list = ["release", "list", "--server", url, "--api-key-file", &wrong];
    json(&list).await.is_refused(5, "403");
    let list = ["release", "list", "--server", url];
    json(&list).await.is_refused(2, "KEYWRIGHT_API_KEY");
    let api_key = vendor.path("api-key");
    let list = [
        "release",
        "list",
        "--server",
        "http://192.0.2.1",
        "--api-key-file",
        &api_key,
    ];
    json(&list).await.is_refused(2, "https");
    json(&["release", "list"]).await.is_refused(2, "--server");
    if !stores(instance) {
        // Without the folder the server says what to do.
        let fresh = vendor.file("fresh", b"fresh bytes");
        let arguments = [
            "publish",
            "--product",
            "shut",
            "--version",
            "4.0.0",
            "--platform",
            LINUX,
            "--key",
            &key,
            &fresh,
        ];
        let refused = release(&place[..4], &arguments).await;
        refused.is_refused(2, "--folder");
    }
}
