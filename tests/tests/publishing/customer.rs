//! What a customer does with a release: verifies and installs it, from the
//! instance that sells it.

use crate::tool::{Said, Vendor, keywright, release, run};
use keywright_tests::hosts::Instance;
use serde_json::json as object;
use std::process::{Command, Stdio};
use std::time::Duration;

const LINUX: &str = "x86_64-unknown-linux-gnu";
const PROGRAM: &[u8] = b"#!/bin/sh\necho sold\n";

/// How long the gate keeps a product's manifest, and a little more.
const KEPT: Duration = Duration::from_millis(3_500);

struct Customer<'a> {
    instance: &'a Instance,
    vendor: Vendor,
}

impl Customer<'_> {
    async fn verifies(&self, token: Option<&str>) -> Said {
        let public = self.vendor.path("release.pub");
        let mut command = keywright(&[
            "--json",
            "release",
            "verify",
            "--product",
            "to-install",
            "--version",
            "1.0.0",
            "--platform",
            LINUX,
            "--server",
            self.instance.api.base_url(),
            "--public-key",
            &public,
        ]);
        command.envs(token.map(|token| ("KEYWRIGHT_TOKEN", token)));
        run(command).await
    }

    async fn installs(&self, script: &str, token: Option<&str>) -> Said {
        let mut command = Command::new("sh");
        command
            .arg(script)
            .env("INSTALL_DIR", self.vendor.path("bin"))
            .env("PLATFORM", LINUX)
            .env("NO_PROXY", "*")
            .env_remove("KEYWRIGHT_TOKEN")
            .stdin(Stdio::null());
        command.envs(token.map(|token| ("KEYWRIGHT_TOKEN", token)));
        run(command).await
    }
}

pub(crate) async fn verified_and_installed(instance: &Instance) {
    let admin = |path: &'static str, body| async move {
        instance
            .api
            .admin(http::Method::POST, path, &body)
            .await
            .ok()
    };
    for slug in ["to-install", "not-that-one"] {
        let body = object!({ "slug": slug, "name": slug, "price_sats": 1 });
        admin("products", body).await;
    }
    let token = |slug: &'static str| async move {
        let issued = admin("licenses", object!({ "product_slug": slug })).await;
        issued["token"].as_str().expect("a token").to_owned()
    };
    let (own, other) = (token("to-install").await, token("not-that-one").await);

    let vendor = Vendor::new().await;
    let place = vendor.place(instance);
    let (key, public) = (vendor.path("release.key"), vendor.path("release.pub"));
    let file = vendor.file("to-install", PROGRAM);
    let product = ["--product", "to-install"];
    let publish = ["publish", "--version", "1.0.0", "--platform", LINUX];
    let publish = [&publish[..], &product, &["--key", &key, &file]].concat();
    release(&place, &publish).await.ok();
    let installer = [&["installer", "--public-key", &public][..], &product].concat();
    release(&place, &installer).await.ok();
    let customer = Customer { instance, vendor };

    // It is licensed until somebody says otherwise.
    assert_ne!(customer.verifies(None).await.code, 0);
    assert_ne!(customer.verifies(Some(&other)).await.code, 0);
    customer.verifies(Some(&own)).await.ok();

    let served = instance.api.get("/releases/to-install/install.sh").await;
    assert_eq!(served.status, 200, "{served:?}");
    let script = customer.vendor.file("fetched.sh", served.text().as_bytes());
    let program = customer.vendor.folder().join("bin/to-install");
    for wrong in [None, Some(other.as_str())] {
        let refused = customer.installs(&script, wrong).await;
        assert_ne!(refused.code, 0, "{refused:?}");
        assert!(!program.exists(), "{refused:?}");
    }
    let installed = customer.installs(&script, Some(&own)).await;
    assert_eq!(installed.code, 0, "{installed:?}");
    assert_eq!(std::fs::read(&program).expect("the program"), PROGRAM);
    std::fs::remove_file(&program).expect("the program");

    release(&place, &[&["open"][..], &product].concat())
        .await
        .ok();
    tokio::time::sleep(KEPT).await;
    customer.verifies(None).await.ok();
    let installed = customer.installs(&script, None).await;
    assert_eq!(installed.code, 0, "{installed:?}");
    assert_eq!(std::fs::read(&program).expect("the program"), PROGRAM);
}
