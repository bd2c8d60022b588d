//! A file of 200 MiB: `curl` resumes its download on every host, and many slow
//! downloads at once take little memory.

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
        configured: Configured::WithHugeFile,
        cases: suite::with_huge_file(host),
    });
    suite::run_all(plays.into())
}
