//! The published Python SDK, unchanged, against workerd: `python/first_sale.py`
//! buys, polls, verifies offline and validates.

use keywright_tests::hosts::{Host, Instance};
use keywright_tests::suite::{Case, floor, run};
use serde_json::json;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let cases = [Case::new("first_sale", |instance| {
        Box::pin(first_sale(instance))
    })];
    run(Host::Workerd, cases.into_iter())
}

#[expect(clippy::expect_used, reason = "the test fails here")]
async fn first_sale(instance: &Instance) {
    floor::product(instance, "python-free", 0).await;
    floor::product(instance, "python-paid", 1_000).await;
    let terms = json!({ "price_sats_override": 2_000, "max_machines": 3, "entitlements": ["pro"] });
    floor::policy(instance, "python-paid", "pro", terms).await;
    let python = std::env::var_os("KEYWRIGHT_TEST_PYTHON");
    let python = python.expect("KEYWRIGHT_TEST_PYTHON: run these tests through `make test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/first_sale.py");
    let output = Command::new(python)
        .arg(script)
        .args([instance.api.base_url(), instance.btcpay.control_url()])
        .args(["python-free", "python-paid", "pro"])
        // The instance is on this machine, whatever proxy the machine uses.
        .env("NO_PROXY", "*")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("Python");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
