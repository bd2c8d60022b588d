//! Deletes what has served its time: answers kept for `Idempotency-Key`, rate limits that
//! are full again, and validations and downloads that are older than the operator's
//! retention.

use crate::{Ports, purge};
use keywright_domain::dates::MAX_UNIX_SECONDS;
use keywright_ports::{Batch, DatabaseError};
use keywright_store::operator::activity;
use keywright_store::releases::download_log;
use keywright_store::sales::receipts;
use keywright_store::sales::recent_orders;
use keywright_store::seats::validation_log;
use keywright_web::forget_expired;
use keywright_web::rate_limit::forget_full;

/// Most rows of a kind that one tick deletes. At a tick a minute that keeps up with 700,000
/// a day, and no tick holds the database for long.
const PER_TICK: u32 = 500;
/// As [`PER_TICK`], for validations, which outnumber everything else: 7 million a day.
const VALIDATIONS_PER_TICK: u32 = 5_000;

const SECONDS_PER_DAY: i64 = 86_400;

/// Deletes a bounded number of rows in one batch, and with `purges` also orders that ended
/// unpaid and old events. Answers whether any receipt must be sealed, which the same round
/// trip reads.
pub(crate) async fn tick(
    ports: &Ports,
    purges: bool,
    request_id: &str,
) -> Result<bool, DatabaseError> {
    let now = ports.stamps.now();
    let mut batch = Batch::new();
    batch.extend([
        forget_expired(now, PER_TICK),
        forget_full(ports.stamps.now_millis(), PER_TICK),
        recent_orders::forget(now, PER_TICK),
        activity::forget(now, PER_TICK),
    ]);
    let kept = |days: i64| validation_log::forget(before(now, days), VALIDATIONS_PER_TICK);
    batch.extend(ports.validation_log_days.map(kept));
    let kept = |days: i64| download_log::forget(before(now, days), PER_TICK);
    batch.extend(ports.download_log_days.map(kept));
    if purges {
        batch.extend(purge::statements(ports, now, request_id));
    }
    let unsealed = batch.read(receipts::unsealed());
    batch.run_aside(&ports.database).await?.any(unsealed)
}

/// With 0 days nothing is kept, not even what is written in this second.
pub(crate) fn before(now: i64, days: i64) -> i64 {
    match days {
        0 => MAX_UNIX_SECONDS,
        days => now - days * SECONDS_PER_DAY,
    }
}
