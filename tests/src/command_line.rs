//! The compiled `keywright`.

#![expect(
    clippy::expect_used,
    reason = "a test cannot go on without the program"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The program that `dev/build.sh --for-tests` built, or cargo beside the
/// tests.
fn program() -> PathBuf {
    if let Some(given) = std::env::var_os("KEYWRIGHT_TEST_CLI") {
        return given.into();
    }
    let here = std::env::current_exe().expect("the test's own path");
    let beside = here.ancestors().nth(2).expect("cargo's folder");
    let program = beside.join("keywright");
    assert!(
        program.is_file(),
        "{} is not built: run `cargo build -p keywright-cli`, or the tests through `make test`",
        program.display()
    );
    program
}

/// A command that calls nobody else and takes nothing from this environment.
///
/// # Panics
/// When the program is not built.
#[must_use]
pub fn keywright(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments);
    for name in [
        "KEYWRIGHT_URL",
        "KEYWRIGHT_API_KEY",
        "KEYWRIGHT_TOKEN",
        "KEYWRIGHT_RELEASE_KEY",
        "KEYWRIGHT_RELEASE_PASSWORD",
        "KEYWRIGHT_PUBLIC_KEY",
        "SOURCE_DATE_EPOCH",
    ] {
        command.env_remove(name);
    }
    command.env("NO_PROXY", "*").env("no_proxy", "*");
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}
