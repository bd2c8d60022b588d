//! pip from the test's Python, which goes by the end of a URL and reads a netrc file.

use crate::output;
use keywright_tests::hosts::Instance;
use keywright_tests::published::release;
use keywright_tests::suite::Case;
use keywright_tests::suite::floor::{issue, product, text};
use serde_json::json;
use std::path::Path;
use std::process::Command;

pub(crate) const CASES: &[Case] = &[Case::new(module_path!(), "installs_a_wheel", |instance| {
    Box::pin(installs_a_wheel(instance))
})
.alone()];

const WHEEL: &str = "sold_wheel-1.2.0-py3-none-any.whl";

fn python() -> Command {
    let python = std::env::var("KEYWRIGHT_TEST_PYTHON");
    Command::new(python.expect("KEYWRIGHT_TEST_PYTHON; run `make test`"))
}

/// Installs from a URL into a folder and answers what the wheel says; the error where pip
/// refuses.
async fn installed(url: String, netrc: Option<String>) -> Result<String, String> {
    let run = move || {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("netrc");
        std::fs::write(&file, netrc.unwrap_or_default()).expect("a netrc file");
        let target = folder.path().join("site");
        let mut pip = python();
        pip.args([
            "-m",
            "pip",
            "--isolated",
            "--disable-pip-version-check",
            "install",
        ])
        .args(["--no-deps", "--no-index", "--no-cache-dir", "--target"])
        .arg(&target)
        .arg(url)
        .env("NETRC", &file);
        let done = pip.output().expect("pip");
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        let mut says = python();
        says.args(["-c", "import sold_wheel; print(sold_wheel.SAYS)"])
            .env("PYTHONPATH", &target);
        Ok(output(&mut says))
    };
    tokio::task::spawn_blocking(run).await.expect("pip")
}

async fn installs_a_wheel(instance: &Instance) {
    product(instance, "wheels", 0).await;
    let token = text(&issue(instance, "wheels", json!({})).await, "token");
    let folder = tempfile::tempdir().expect("a folder");
    let wheel = folder.path().join(WHEEL);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("updaters/wheel.py");
    output(python().arg(script).arg(&wheel));
    let bytes = std::fs::read(&wheel).expect("the wheel");
    release("wheels", "1.2.0")
        .file("any", WHEEL, &bytes)
        .write(&instance.releases())
        .expect("a release");

    let base = instance.api.base_url();
    let url = format!("{base}/releases/wheels/1.2.0/any/{WHEEL}");
    let host = base.split("://").nth(1).expect("a host");
    let host = host.split(':').next().expect("a name");
    let netrc = format!("machine {host} login token password {token}\n");
    let with_password = url.replace("://", &format!("://token:{token}@"));
    for (url, netrc) in [
        (url.clone(), Some(netrc)),
        (with_password, None),
        (format!("{url}?token={token}"), None),
    ] {
        assert_eq!(
            installed(url, netrc).await.as_deref(),
            Ok("what was paid for\n")
        );
    }
    let refused = installed(url, None).await.expect_err("without a token");
    assert!(refused.contains("401"), "{refused}");
}
