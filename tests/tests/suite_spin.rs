//! The suite on a real Spin, where `spin` is on the PATH.

// compatibility: Hosts and front servers | Spin | - | `make test`, where `spin` is installed | the whole suite

use keywright_tests::hosts::Host;
use keywright_tests::suite;
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    let spin = Command::new("spin")
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if spin.is_ok_and(|status| status.success()) {
        suite::run(Host::Spin, suite::all())
    } else {
        suite::skip("there is no `spin` on the PATH; the Spin test host runs the same components")
    }
}
