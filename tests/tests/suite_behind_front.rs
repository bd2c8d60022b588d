//! Downloads from the Spin components behind nginx and Caddy, which send the
//! files themselves, configured as `docs/deploy.md` says.

// compatibility: Hosts and front servers | nginx, Caddy | - | `make test` | send the downloads of Spin themselves, configured as deploy.md says

use keywright_tests::hosts::{Configured, Front, Host, Reuse};
use keywright_tests::suite::{self, Play};
use std::process::ExitCode;

fn main() -> ExitCode {
    let fronts = [("nginx::", Front::Nginx), ("caddy::", Front::Caddy)];
    let plays = fronts.map(|(prefix, front)| Play {
        prefix,
        host: Host::SpinTestHost(Reuse::Default),
        configured: Configured::Behind(front),
        cases: suite::behind_front(),
    });
    suite::run_all(plays.into())
}
