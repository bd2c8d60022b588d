//! `release verify`: what is genuine, and every way in which a server could
//! lie.

use crate::served::{Answer, Served};
use crate::tool::{Said, Vendor, json, keywright, release, run};
use data_encoding::BASE64URL_NOPAD;
use keywright_domain::release::manifest::VersionManifest;
use keywright_domain::release::signature::DetachedSignature;
use keywright_domain::release::{Channel, Version};
use keywright_domain::slug::Slug;
use keywright_tests::hosts::Instance;

pub(crate) const LINUX: &str = "x86_64-unknown-linux-gnu";
pub(crate) const PROGRAM: &[u8] = b"#!/bin/sh\necho the program\n";

/// A version that a vendor published, and others that were once genuine.
pub(crate) struct Shelf {
    pub(crate) vendor: Vendor,
    pub(crate) served: Served,
    pub(crate) manifest: VersionManifest,
}

impl Shelf {
    pub(crate) async fn new() -> Self {
        let vendor = Vendor::new().await;
        std::fs::create_dir(vendor.folder().join("releases")).expect("a folder");
        let manifest = publish(&vendor, "demo", "1.0.0", "stable", LINUX, PROGRAM).await;
        let served = Served::start();
        served.version(&manifest, PROGRAM);
        Self {
            vendor,
            served,
            manifest,
        }
    }

    /// Checks what is served now.
    async fn verify(&self, more: &[&str]) -> Said {
        let public = self.vendor.path("release.pub");
        let arguments = [
            "release",
            "verify",
            "--product",
            "demo",
            "--version",
            "1.0.0",
            "--platform",
            LINUX,
            "--server",
            &self.served.url,
            "--public-key",
            &public,
        ];
        json(&[&arguments, more].concat()).await
    }
}

/// Publishes into the vendor's folder; answers the manifest.
pub(crate) async fn publish(
    vendor: &Vendor,
    product: &str,
    version: &str,
    channel: &str,
    platform: &str,
    bytes: &[u8],
) -> VersionManifest {
    let place = ["--folder".to_owned(), vendor.path("releases")];
    let file = vendor.file("program", bytes);
    let key = vendor.path("release.key");
    let arguments = [
        "publish",
        "--product",
        product,
        "--version",
        version,
        "--channel",
        channel,
        "--platform",
        platform,
        "--key",
        &key,
        &file,
    ];
    let published = release(&place, &arguments).await.ok();
    serde_json::from_value(published["manifest"].clone()).expect("a manifest")
}

pub(crate) async fn genuine_and_tampered(_: &Instance) {
    let shelf = Shelf::new().await;
    let output = shelf.vendor.path("verified");
    let genuine = shelf.verify(&["--output", &output]).await.ok();
    assert_eq!(genuine["channel"], "stable");
    assert_eq!(std::fs::read(&output).expect("the file"), PROGRAM);
    shelf.verify(&["--channel", "stable"]).await.ok();
    shelf
        .verify(&["--channel", "beta"])
        .await
        .is_refused(4, "channel");

    // The token goes along, and nowhere but to the file's server.
    shelf.served.asked();
    let public = shelf.vendor.path("release.pub");
    let mut with_token = keywright(&[
        "release",
        "verify",
        "--product",
        "demo",
        "--version",
        "1.0.0",
        "--platform",
        LINUX,
        "--server",
        &shelf.served.url,
        "--public-key",
        &public,
    ]);
    let token = [
        &[7; 64][..],
        br#"{"product":"demo","channel_expiry":"9999-12-31"}"#,
    ]
    .concat();
    let token = BASE64URL_NOPAD.encode(&token);
    // As somebody pasted it into a settings page, with a line break inside.
    let (front, back) = token.split_at(40);
    with_token.env("KEYWRIGHT_TOKEN", format!(" {front}\n{back}\n"));
    let done = run(with_token).await;
    assert_eq!(done.code, 0, "{done:?}");
    let asked = shelf.served.asked();
    let carried = |head: &String| head.contains(&format!("Bearer {token}"));
    assert!(asked.iter().all(carried), "{asked:?}");

    tampered_manifests(&shelf).await;
    tampered_signatures(&shelf).await;

    // Other bytes: as long, longer, shorter, none.
    let file = format!("/releases/demo/1.0.0/{LINUX}");
    let mut as_long = PROGRAM.to_vec();
    as_long[3] ^= 1;
    for (bytes, code) in [
        (as_long, 4),
        ([PROGRAM, b"more"].concat(), 1),
        (PROGRAM[..5].to_vec(), 4),
        (Vec::new(), 4),
    ] {
        shelf.served.put(&file, Answer::Bytes(bytes.clone()));
        let output = shelf.vendor.path("never-kept");
        let refused = shelf.verify(&["--output", &output]).await;
        assert_eq!(refused.code, code, "{bytes:?}: {refused:?}");
        assert!(!std::path::Path::new(&output).exists());
    }
    let left = std::fs::read_dir(shelf.vendor.folder()).expect("the folder");
    let partial = left
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().contains("partial"));
    assert_eq!(partial.count(), 0, "what was not verified is not kept");

    // The real files again, and a key that is not the vendor's.
    shelf.served.version(&shelf.manifest, PROGRAM);
    shelf.verify(&[]).await.ok();
    let stranger = Vendor::new().await;
    let public = stranger.path("release.pub");
    let arguments = [
        "release",
        "verify",
        "--product",
        "demo",
        "--version",
        "1.0.0",
        "--platform",
        LINUX,
        "--server",
        &shelf.served.url,
        "--public-key",
        &public,
    ];
    json(&arguments).await.is_refused(4, "was made with key");
}

/// Each member of the manifest that says what the file is.
async fn tampered_manifests(shelf: &Shelf) {
    type Tamper = fn(&mut VersionManifest);
    let tampers: [(&str, Tamper); 7] = [
        ("channel", |m| m.channel = Channel::Beta),
        ("size", |m| m.artifacts[0].size_bytes += 1),
        ("SHA-256", |m| {
            let other = m.artifacts[0].sha512.as_str()[..64].to_owned();
            m.artifacts[0].sha256 = other.try_into().expect("a digest");
        }),
        ("file name", |m| {
            m.artifacts[0].file_name = "other".to_owned().try_into().expect("a name");
        }),
        ("product", |m| {
            m.product = Slug::parse("other").expect("a slug");
        }),
        ("version", |m| {
            m.version = Version::parse("1.0.1").expect("a version");
        }),
        ("SHA-512", |m| {
            let twice = m.artifacts[0].sha256.as_str().repeat(2);
            m.artifacts[0].sha512 = twice.try_into().expect("a digest");
        }),
    ];
    let path = "/releases/demo/1.0.0/MANIFEST";
    for (item, tamper) in tampers {
        let mut manifest = shelf.manifest.clone();
        tamper(&mut manifest);
        let json = serde_json::to_vec(&manifest).expect("json");
        shelf.served.put(path, Answer::Bytes(json));
        let refused = shelf.verify(&[]).await;
        assert_eq!(refused.code, 4, "{item}: {refused:?}");
    }
    // A file that was genuine as something else, under this name: the whole
    // entry is the vendor's own.
    for (product, version, channel, platform) in [
        ("other", "1.0.0", "stable", LINUX),
        ("demo", "0.9.0", "stable", LINUX),
        ("demo", "1.0.0-rc.1", "rc", LINUX),
        ("demo", "0.8.0", "stable", "aarch64-apple-darwin"),
    ] {
        let old = publish(
            &shelf.vendor,
            product,
            version,
            channel,
            platform,
            b"an old one",
        )
        .await;
        let mut manifest = shelf.manifest.clone();
        manifest.artifacts = old.artifacts;
        manifest.artifacts[0].platform = LINUX.to_owned().try_into().expect("a platform");
        shelf.served.version(&manifest, b"an old one");
        let refused = shelf.verify(&[]).await;
        refused.is_refused(4, "the signature is for");
    }
    shelf.served.version(&shelf.manifest, PROGRAM);
    shelf.verify(&[]).await.ok();
}

/// Each part of the signature file.
async fn tampered_signatures(shelf: &Shelf) {
    type Tamper = fn(&mut DetachedSignature);
    let signature = &shelf.manifest.artifacts[0].signature;
    let signature = DetachedSignature::parse(signature).expect("a signature");
    let tampers: [(&str, Tamper); 6] = [
        ("the key's id", |s| s.key_id[0] ^= 1),
        ("the signature's point", |s| s.signature[0] ^= 1),
        ("the signature's scalar", |s| s.signature[32] ^= 1),
        ("the statement", |s| {
            s.trusted_comment = s.trusted_comment.replace("timestamp:1", "timestamp:2");
        }),
        ("more in the statement", |s| {
            s.trusted_comment.push_str("\tmore:1");
        }),
        ("the global signature", |s| s.global_signature[5] ^= 1),
    ];
    for (part, tamper) in tampers {
        let mut tampered = signature.clone();
        tamper(&mut tampered);
        let mut manifest = shelf.manifest.clone();
        manifest.artifacts[0].signature = tampered.to_string();
        shelf.served.version(&manifest, PROGRAM);
        let refused = shelf.verify(&[]).await;
        assert_eq!(refused.code, 4, "{part}: {refused:?}");
    }
    shelf.served.version(&shelf.manifest, PROGRAM);
    // Another signature beside the file than in the manifest.
    let path = format!("/releases/demo/1.0.0/{LINUX}.sig");
    shelf.served.put(&path, Answer::Bytes(b"other".to_vec()));
    shelf.verify(&[]).await.is_refused(4, ".sig");
    shelf.served.version(&shelf.manifest, PROGRAM);
    shelf.verify(&[]).await.ok();
}
