//! The suite on workerd, with D1 and R2, all functions started by wrangler.

// compatibility: Hosts and front servers | workerd, by wrangler | npm:wrangler | `make test` | the whole suite, with D1 and R2; a mail through the local e-mail binding

use keywright_tests::hosts::{Configured, Host};
use keywright_tests::suite::{self, Play};
use std::process::ExitCode;

fn main() -> ExitCode {
    let play = |prefix, configured, cases| Play {
        prefix,
        host: Host::Workerd,
        configured,
        cases,
    };
    suite::run_all(vec![
        play("", Configured::Fully, suite::all().collect()),
        play("", Configured::WithMailBinding, suite::with_mail_binding()),
    ])
}
