//! Clock and randomness of WASI 0.3.

use keywright_ports::{Clock, Random};
use spin_sdk::wasip3::{clocks, random};

pub(super) struct WasiClock;

impl Clock for WasiClock {
    fn unix_millis(&self) -> u64 {
        let now = clocks::system_clock::now();
        let seconds = u64::try_from(now.seconds).unwrap_or_default();
        seconds * 1_000 + u64::from(now.nanoseconds / 1_000_000)
    }
}

pub(super) struct WasiRandom;

impl Random for WasiRandom {
    fn fill(&self, bytes: &mut [u8]) {
        let mut filled = 0;
        while filled < bytes.len() {
            // The host may give fewer bytes than asked for, never none.
            let wanted = bytes.len() - filled;
            let given = random::random::get_random_bytes(wanted as u64);
            let taken = given.len().min(wanted);
            bytes[filled..filled + taken].copy_from_slice(&given[..taken]);
            filled += taken;
        }
    }
}
