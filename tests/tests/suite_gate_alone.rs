//! A release gate whose optional database is left out, on every host.

use keywright_tests::hosts::{Configured, Host, Reuse};
use keywright_tests::suite::{self, Play};
use std::process::ExitCode;

fn main() -> ExitCode {
    let hosts = [
        ("native::", Host::Native),
        ("workerd::", Host::Workerd),
        ("spin_test_host::", Host::SpinTestHost(Reuse::Default)),
    ];
    let plays = hosts.map(|(prefix, host)| Play {
        prefix,
        host,
        configured: Configured::GateAlone,
        cases: suite::gate_alone(),
    });
    suite::run_all(plays.into())
}
