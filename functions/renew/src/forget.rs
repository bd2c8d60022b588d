//! Clears up what has served its time: the answers kept for
//! `Idempotency-Key`, and rate limits that are full again.

use crate::Ports;
use keywright_edge::http::forget_expired;
use keywright_edge::http::rate_limit::forget_full;
use keywright_edge::ports::DatabaseError;

/// Rows of a kind that one tick removes at most. At a tick a minute that keeps
/// up with 700,000 a day, and one tick never holds the database for long.
const PER_TICK: u32 = 500;

/// Removes a bounded number of rows in one batch.
pub(crate) async fn tick(ports: &Ports) -> Result<(), DatabaseError> {
    let batch = vec![
        forget_expired(ports.stamps.now(), PER_TICK),
        forget_full(ports.stamps.now_millis(), PER_TICK),
    ];
    ports.database.aside(batch).await.map(drop)
}
