//! The suite on the native host.

use keywright_tests::hosts::Host;
use keywright_tests::suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(Host::Native, suite::all())
}
