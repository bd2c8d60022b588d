//! Clock and randomness of the Workers runtime.

use keywright_ports::{Clock, Random};

pub(super) struct PlatformClock;

impl Clock for PlatformClock {
    fn unix_millis(&self) -> u64 {
        worker::Date::now().as_millis()
    }
}

pub(super) struct PlatformRandom;

impl Random for PlatformRandom {
    #[expect(
        clippy::disallowed_methods,
        clippy::expect_used,
        reason = "this is the port"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("crypto.getRandomValues is always there on Workers");
    }
}
