//! What a reused instance keeps between requests.

use spin_sdk::wasip3::clocks::monotonic_clock;
use std::sync::atomic::{AtomicU32, Ordering};

static REQUESTS: AtomicU32 = AtomicU32::new(0);
static IN_FLIGHT: AtomicU32 = AtomicU32::new(0);

/// How many requests of this kind the instance has served, this one included.
pub(crate) fn count() -> u32 {
    REQUESTS.fetch_add(1, Ordering::Relaxed) + 1
}

/// Waits, and answers how many were waiting in this instance at its start.
pub(crate) async fn wait(milliseconds: u64) -> u32 {
    let others = IN_FLIGHT.fetch_add(1, Ordering::Relaxed) + 1;
    monotonic_clock::wait_for(milliseconds * 1_000_000).await;
    IN_FLIGHT.fetch_sub(1, Ordering::Relaxed);
    others
}
