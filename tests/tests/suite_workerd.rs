//! The suite on workerd, with D1 and R2, all functions started by wrangler.

// compatibility: Hosts and front servers | workerd, by wrangler | npm:wrangler | `make test` | the whole suite, with D1 and R2

use keywright_tests::hosts::Host;
use keywright_tests::suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(Host::Workerd, suite::all())
}
