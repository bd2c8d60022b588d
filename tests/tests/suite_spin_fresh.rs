//! The suite on the Spin components in the test host, with a fresh instance of
//! a component for every request: what worked only because something was left
//! over from the last request fails here.

use keywright_tests::hosts::{Host, Reuse};
use keywright_tests::suite;
use std::process::ExitCode;

fn main() -> ExitCode {
    suite::run(Host::SpinTestHost(Reuse::Never), suite::all())
}
