//! The Python and shell examples, taken from the document and run.

use crate::{blocks, shop};
use keywright_btcpay_double::Status;
use keywright_tests::hosts::Instance;
use keywright_tests::shop as settings;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

/// What the document calls the instance.
const ADDRESS: &str = "https://licenses.example.com";

/// Writes each block under the name in its first line, and runs
/// `python/test_integrate.py`, which imports them.
pub(crate) async fn python(instance: &Instance) {
    let product_id = shop(instance).await;
    let folder = tempfile::tempdir().expect("a folder");
    for block in blocks("python") {
        let name = block
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "));
        let file = folder.path().join(name.expect("a file's name"));
        std::fs::write(file, block).expect("the example");
    }
    let python = std::env::var_os("KEYWRIGHT_TEST_PYTHON");
    let python = python.expect("KEYWRIGHT_TEST_PYTHON: run these tests through `make test`");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = Command::new(python);
    command
        .args([
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--color=no",
            "--tb=short",
        ])
        .arg("--rootdir")
        .arg(&tests)
        .arg(tests.join("test_integrate.py"))
        .env("PYTHONPATH", folder.path())
        .env("KEYWRIGHT_BASE_URL", instance.api.base_url())
        .env("KEYWRIGHT_CONTROL_URL", instance.btcpay.control_url())
        .env("KEYWRIGHT_ADMIN_KEY", settings::ADMIN_KEY)
        .env("KEYWRIGHT_SIGNING_KEY", settings::SIGNING_KEY)
        .env("KEYWRIGHT_PRODUCT_ID", product_id)
        .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    succeeded(&run(command).await);
}

/// Runs all blocks as one script, while somebody pays what it orders.
pub(crate) async fn curl(instance: &Instance) {
    shop(instance).await;
    let folder = tempfile::tempdir().expect("a folder");
    let script = blocks("sh").concat();
    assert!(script.contains(ADDRESS));
    let script = script.replace(ADDRESS, instance.api.base_url());
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(folder.path());
    let output = tokio::select! {
        output = run(command) => output,
        () = pay_whatever_is_ordered(instance) => unreachable!("it goes on paying"),
    };
    let said = succeeded(&output);
    let lines: Vec<&str> = said.lines().collect();
    let [ok, seat, current, full, freed, taken, beats, checkout, key] = lines[..] else {
        unreachable!("as many answers as the document shows: {said}");
    };
    assert_eq!((ok, full), ("true", "too_many_machines"));
    assert_eq!((freed, taken, beats), ("true", "true", "true"));
    assert_eq!(seat.len(), 36, "an id: {seat}");
    assert!(current.starts_with("LIC1-"), "{current}");
    assert!(checkout.starts_with("http"), "{checkout}");
    assert!(key.starts_with("LIC1-"), "{key}");
    let pem = std::fs::read_to_string(folder.path().join("issuer.pem"));
    let served = instance.signing_key.public_key().to_pem();
    assert_eq!(pem.expect("the public key").trim(), served.trim());
}

async fn pay_whatever_is_ordered(instance: &Instance) {
    loop {
        for invoice in instance.btcpay.invoices() {
            if invoice.status == Status::New {
                // Somebody else may have paid or ended it this very moment.
                let _ = instance.btcpay.pay_in_full(&invoice.id);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Without blocking whoever else waits in this case.
pub(crate) async fn run(mut command: Command) -> Output {
    // The instance is on this machine, whatever proxy the machine uses.
    command.env("NO_PROXY", "*").env("no_proxy", "*");
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    output.expect("an end").expect("the program; see README.md")
}

pub(crate) fn succeeded(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    said.into_owned()
}
