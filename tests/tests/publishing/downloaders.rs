//! Programs of other people that download: a licensed file, by a token as a bearer.

// compatibility: Downloads and installers | curl, wget | - | `make test` | download with a token, under the file's name, and resume; workerd
// compatibility: Downloads and installers | requests | pip:requests | `make test` | follows the redirect of `latest` with a token; workerd

use crate::tool::{Vendor, release, run};
use keywright_tests::hosts::Instance;
use serde_json::json as object;
use std::path::Path;
use std::process::{Command, Stdio};

const PACKAGE: &str = "fetched_1.0.0~rc.1_all.deb";

/// requests, following the redirect of `latest`.
const REQUESTS: &str = "
import sys, requests
url, token, file = sys.argv[1:]
answer = requests.get(url, headers={'Authorization': 'Bearer ' + token}, timeout=30)
answer.raise_for_status()
assert answer.history, 'redirected'
open(file, 'wb').write(answer.content)
";

/// Runs a program in a folder; it has to succeed.
async fn works(folder: &Path, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
        .env("NO_PROXY", "*")
        .env("no_proxy", "*")
        .env("HOME", folder);
    let done = run(command).await;
    assert_eq!(done.code, 0, "{program} {arguments:?}: {done:?}");
}

fn python() -> String {
    let python = std::env::var("KEYWRIGHT_TEST_PYTHON");
    python.expect("KEYWRIGHT_TEST_PYTHON: run these tests through `make test`")
}

pub(crate) async fn download_what_was_bought(instance: &Instance) {
    let admin = |path: &'static str, body| instance.api.admin(http::Method::POST, path, body);
    let product = object!({ "slug": "fetched", "name": "fetched", "price_sats": 1 });
    admin("products", &product).await.ok();
    let issued = admin("licenses", &object!({ "product_slug": "fetched" }))
        .await
        .ok();
    let token = issued["token"].as_str().expect("a token");

    let vendor = Vendor::new().await;
    let (place, key) = (vendor.place(instance), vendor.path("release.key"));
    let package = vendor.file(PACKAGE, &[b"a package ".as_slice(); 5_000].concat());
    let publish = [
        "publish",
        "--product",
        "fetched",
        "--version",
        "1.0.0",
        "--platform",
        "any.deb",
    ];
    let files = ["--key", &key, &package];
    release(&place, &[&publish[..], &files].concat()).await.ok();

    let base = format!("{}/releases/fetched/1.0.0", instance.api.base_url());
    let url = format!("{base}/any.deb");
    let expected = std::fs::read(&package).expect("the package");
    let bearer = format!("Authorization: Bearer {token}");
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap_or_default();

    works(folder, "curl", &["-q", "-fsSOJ", "-H", &bearer, &url]).await;
    assert_eq!(file(PACKAGE), expected, "curl saves it under its name");
    std::fs::write(folder.join("resumed"), &expected[..10_000]).expect("a part");
    let resume = [
        "-q", "-fsS", "-C", "-", "-o", "resumed", "-H", &bearer, &url,
    ];
    works(folder, "curl", &resume).await;
    assert_eq!(file("resumed"), expected);

    std::fs::remove_file(folder.join(PACKAGE)).expect("the file");
    let header = format!("--header={bearer}");
    works(
        folder,
        "wget",
        &["-q", "--content-disposition", &header, &url],
    )
    .await;
    assert_eq!(file(PACKAGE), expected, "wget saves it under its name");
    std::fs::write(folder.join("any.deb"), &expected[..10_000]).expect("a part");
    works(folder, "wget", &["-q", "-c", &header, &url]).await;
    assert_eq!(file("any.deb"), expected);

    let latest = format!(
        "{}/releases/fetched/latest/any.deb",
        instance.api.base_url()
    );
    works(
        folder,
        &python(),
        &["-c", REQUESTS, &latest, token, "requested"],
    )
    .await;
    assert_eq!(file("requested"), expected);
}
