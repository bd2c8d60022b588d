//! The time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in unix seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the command line takes the time"
)]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
