//! Programs of other people that download: a licensed file, by a token as a bearer, as a
//! password, and in a netrc file.

// compatibility: Downloads and installers | curl, wget | - | `make test` | download with a token, under the file's name, resume, and read a netrc file; workerd
// compatibility: Downloads and installers | requests | pip:requests | `make test` | follows the redirect of `latest` with a token; workerd
// compatibility: Downloads and installers | pip | - | `make test` | installs a licensed wheel; workerd
// compatibility: Downloads and installers | apt | - | `make test` | downloads a licensed package with auth.conf; workerd

use crate::tool::{Vendor, release, run};
use keywright_tests::hosts::Instance;
use serde_json::json as object;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const WHEEL: &str = "fetched-1.0.0-py3-none-any.whl";
const PACKAGE: &str = "fetched_1.0.0~rc.1_all.deb";

/// Makes a wheel with one module.
const MAKE_WHEEL: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    info = 'fetched-1.0.0.dist-info/'
    wheel.writestr('fetched.py', 'words = \"from the gate\"\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: fetched\\nVersion: 1.0.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
";

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
    let (place, key, wheel) = (
        vendor.place(instance),
        vendor.path("release.key"),
        vendor.path(WHEEL),
    );
    works(vendor.folder(), &python(), &["-c", MAKE_WHEEL, &wheel]).await;
    let package = vendor.file(PACKAGE, &b"a package ".repeat(5_000));
    let publish = [
        "publish",
        "--product",
        "fetched",
        "--version",
        "1.0.0",
        "--platform",
        "any",
    ];
    let files = ["--key", &key, &wheel, &package];
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

    by_name(&base, token, folder, &expected).await;
}

/// Programs that go by the end of a URL, and send a password.
async fn by_name(base: &str, token: &str, folder: &Path, expected: &[u8]) {
    let (scheme, rest) = base.split_once("://").expect("a URL");
    let wheel = format!("{scheme}://token:{token}@{rest}/any/{WHEEL}");
    let install = [
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-index",
        "--no-deps",
    ];
    works(
        folder,
        &python(),
        &[&install[..], &["--target", "site", &wheel]].concat(),
    )
    .await;
    let module = std::fs::read_to_string(folder.join("site/fetched.py")).expect("the module");
    assert!(module.contains("from the gate"), "{module}");

    let host = rest.split('/').next().expect("a host");
    let netrc = |machine: &str| format!("machine {machine} login token password {token}\n");
    std::fs::write(
        folder.join("netrc"),
        netrc(host.split(':').next().expect("a name")),
    )
    .expect("a file");
    let package = format!("{base}/any.deb/{PACKAGE}");
    let arguments = [
        "-q",
        "-fsS",
        "--netrc-file",
        "netrc",
        "-o",
        "by-netrc",
        &package,
    ];
    works(folder, "curl", &arguments).await;
    assert_eq!(
        std::fs::read(folder.join("by-netrc")).expect("it"),
        expected
    );

    let apt = "/usr/lib/apt/apt-helper";
    if !Path::new(apt).exists() {
        let _ = writeln!(std::io::stderr(), "apt is not on this machine: not tested");
        return;
    }
    std::fs::write(folder.join("auth.conf"), netrc(&format!("http://{host}"))).expect("a file");
    let conf = format!("Dir::Etc::netrc={}", folder.join("auth.conf").display());
    let saved = folder.join("by-apt");
    let saved = saved.to_str().expect("a plain path");
    let options = [
        "-o",
        &conf,
        "-o",
        "APT::Sandbox::User=root",
        "-o",
        "Acquire::http::Proxy=false",
    ];
    works(
        folder,
        apt,
        &[&options[..], &["download-file", &package, saved]].concat(),
    )
    .await;
    assert_eq!(std::fs::read(saved).expect("it"), expected);
}
