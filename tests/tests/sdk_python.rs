//! The published Python SDK, unchanged, through everything it can do, against
//! workerd and against the Spin components in the test host; and the tests
//! that its own source brings along. `python/` holds ours.

// compatibility: SDKs and examples | Keysat SDK for Python | pip:keysat-licensing-client | `make test` | the same, and the tests of its own source; workerd and Spin

#![expect(clippy::expect_used, reason = "a case fails by panicking")]

use keywright_tests::hosts::{Configured, Host, Instance, Reuse};
use keywright_tests::shop;
use keywright_tests::suite::{Case, Play, run_all};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The vectors that all SDKs share (Keysat contract, cross-check vectors).
const VECTORS: &str = include_str!("../../shared/license/tests/vectors/lic1.json");

fn main() -> ExitCode {
    let online = vec![
        Case::new(module_path!(), "buying", |instance| {
            Box::pin(async { online(instance, "test_buying.py") })
        }),
        Case::new(module_path!(), "machines", |instance| {
            Box::pin(async { online(instance, "test_machines.py") })
        }),
        Case::new(module_path!(), "validating", |instance| {
            Box::pin(async { online(instance, "test_validating.py") })
        }),
    ];
    let own = Case::new(module_path!(), "its_own_tests", |_| {
        Box::pin(async { its_own_tests() })
    });
    let play = |prefix, host, cases| Play {
        prefix,
        host,
        configured: Configured::Fully,
        cases,
    };
    let spin = Host::SpinTestHost(Reuse::Default);
    run_all(vec![
        play("workerd::", Host::Workerd, online.clone()),
        play("spin_test_host::", spin, online),
        // Asks no instance; the native one costs nothing.
        play("", Host::Native, vec![own]),
    ])
}

fn online(instance: &Instance, file: &str) {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("python")
        .join(file);
    let mut pytest = pytest(&tests);
    pytest
        .env("KEYWRIGHT_BASE_URL", instance.api.base_url())
        .env("KEYWRIGHT_CONTROL_URL", instance.btcpay.control_url())
        .env("KEYWRIGHT_ADMIN_KEY", shop::ADMIN_KEY)
        .env("KEYWRIGHT_SIGNING_KEY", shop::SIGNING_KEY);
    // Blocks this case's own thread; instances serve from others.
    assert!(passed(pytest) > 0);
}

/// The SDK's source looks for the vectors in the folders above its tests.
fn its_own_tests() {
    let folder = tempfile::tempdir().expect("a folder");
    let tests = folder.path().join("tests");
    std::fs::create_dir_all(tests.join("crosscheck")).expect("a folder");
    std::fs::write(tests.join("crosscheck/vector.json"), VECTORS).expect("the vectors");
    let source = PathBuf::from(set_up("KEYWRIGHT_TEST_PYTHON_SDK"));
    let file = tests.join("test_crosscheck.py");
    std::fs::copy(source.join("tests/test_crosscheck.py"), &file).expect("the SDK's tests");
    assert_eq!(passed(pytest(&file)), 14, "as many as it has");
}

fn set_up(variable: &str) -> OsString {
    let found = std::env::var_os(variable);
    found.expect("KEYWRIGHT_TEST_PYTHON and …_SDK: run these tests through `make test`")
}

fn pytest(tests: &Path) -> Command {
    let mut command = Command::new(set_up("KEYWRIGHT_TEST_PYTHON"));
    command
        .args([
            "-m",
            "pytest",
            "-q",
            "-rs",
            "-p",
            "no:cacheprovider",
            "--color=no",
            "--tb=short",
        ])
        .arg("--rootdir")
        .arg(tests.parent().unwrap_or(tests))
        .arg(tests)
        // The instance is on this machine, whatever proxy the machine uses.
        .env("NO_PROXY", "*")
        .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs pytest. All tests have to pass, and none may be skipped; answers how
/// many there were.
fn passed(mut pytest: Command) -> u32 {
    let output = pytest.output().expect("Python");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    let summary = said.lines().last().unwrap_or_default();
    assert!(
        summary.contains(" passed in "),
        "nothing but passes: {said}"
    );
    let count = summary
        .split(' ')
        .next()
        .and_then(|count| count.parse().ok());
    count.expect("how many passed")
}
