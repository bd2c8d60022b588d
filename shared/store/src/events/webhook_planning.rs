//! Makes deliveries of recorded events, and ends what waited too long. All endpoints at
//! once, in a few statements of bounded size.

use crate::events::is_subscribed;
use keywright_ports::Statement;

/// How many events an endpoint looks at in one tick at least, and how many pending
/// deliveries keep it from looking at more. What waits beyond that waits as a position,
/// not as rows.
pub const WINDOW: i64 = 100;

/// A random `UUIDv4`, made where the row is made: their number is not known before.
macro_rules! new_uuid {
    () => {
        "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4'
               || substr(hex(randomblob(2)), 2) || '-'
               || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-'
               || hex(randomblob(6)))"
    };
}

/// An endpoint that looks at its next events now.
macro_rules! is_planned {
    () => {
        "w.state = 'active' AND w.deleted_at IS NULL
         AND (SELECT count(*) FROM (SELECT 1 FROM webhook_deliveries d
                                    WHERE d.endpoint_id = w.id AND d.state = 'pending'
                                      AND d.sequence <= w.position LIMIT ?2)) < ?2"
    };
}

/// An endpoint that is paused, with events that are too old to be held.
macro_rules! is_held {
    () => {
        "w.state <> 'active' AND w.deleted_at IS NULL"
    };
}

pub(super) use {is_held, is_planned};

/// Makes pending deliveries of the next `window` events of every active endpoint, and moves
/// their positions. Two ticks at once make them once: both statements see the same positions,
/// and a delivery is unique for its endpoint and event. `CROSS JOIN` has the endpoints read
/// first: else the database reads the whole event log, at every tick.
#[must_use]
pub fn plan(now: i64, window: i64) -> [Statement; 2] {
    let params = || [now.into(), window.into()];
    [
        Statement::new(
            concat!(
                "INSERT INTO webhook_deliveries (id, endpoint_id, sequence, event_id, event_type,
                                                 event_at, state, attempts, next_attempt_at,
                                                 created_at)
                 SELECT ",
                new_uuid!(),
                ", w.id, e.sequence, e.id, e.event_type, e.at, 'pending', 0, ?1, ?1
                 FROM webhook_endpoints w
                 CROSS JOIN events e
                   ON e.sequence > w.position AND e.sequence <= w.position + ?2
                 WHERE ",
                is_planned!(),
                " AND ",
                is_subscribed!(),
                " ON CONFLICT DO NOTHING"
            ),
            params(),
        ),
        Statement::new(
            // The same condition as above: what was just made lies behind the position.
            concat!(
                "UPDATE webhook_endpoints AS w
                 SET position = min(w.position + ?2, (SELECT max(sequence) FROM events))
                 WHERE w.position < (SELECT max(sequence) FROM events) AND ",
                is_planned!()
            ),
            params(),
        ),
    ]
}

/// Ends what has been held for a paused endpoint since before `before`, in unix seconds,
/// as `expired`: listed and counted, so that a forgotten endpoint cannot fill the
/// database, and nothing is lost silently.
#[must_use]
pub fn expire_held(now: i64, before: i64) -> [Statement; 3] {
    let params = || [now.into(), WINDOW.into(), before.into()];
    [
        Statement::new(
            concat!(
                "INSERT INTO webhook_deliveries (id, endpoint_id, sequence, event_id, event_type,
                                                 event_at, state, reason, attempts, created_at,
                                                 ended_at)
                 SELECT ",
                new_uuid!(),
                ", w.id, e.sequence, e.id, e.event_type, e.at, 'expired', 'held too long', 0, ?1,
                   ?1
                 FROM webhook_endpoints w
                 CROSS JOIN events e
                   ON e.sequence > w.position AND e.sequence <= w.position + ?2
                 WHERE ",
                is_held!(),
                " AND e.at < ?3 AND ",
                is_subscribed!(),
                " ON CONFLICT DO NOTHING"
            ),
            params(),
        ),
        Statement::new(
            concat!(
                "UPDATE webhook_endpoints AS w
                 SET position = (SELECT max(e.sequence) FROM events e
                                 WHERE e.sequence > w.position
                                   AND e.sequence <= w.position + ?2 AND e.at < ?3)
                 WHERE ",
                is_held!(),
                " AND EXISTS (SELECT 1 FROM events e
                              WHERE e.sequence > w.position AND e.sequence <= w.position + ?2
                                AND e.at < ?3)"
            ),
            params(),
        ),
        Statement::new(
            "UPDATE webhook_deliveries
             SET state = 'expired', reason = 'held too long', ended_at = ?1,
                 next_attempt_at = NULL, claim = NULL, claimed_until = NULL
             WHERE id IN (SELECT d.id FROM webhook_endpoints w
                          CROSS JOIN webhook_deliveries d ON d.endpoint_id = w.id
                          WHERE w.state <> 'active' AND w.deleted_at IS NULL
                            AND d.state = 'pending' AND d.event_at < ?3 LIMIT ?2)",
            params(),
        ),
    ]
}

/// Reports endpoints that fail at least every second time, though not always, and begins
/// their next window of observation, in which `before`, in unix seconds, is the last
/// beginning that has ended.
#[must_use]
pub fn report_flaky(now: i64, before: i64, attention_prefix: &str) -> [Statement; 2] {
    [
        Statement::new(
            "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
             SELECT ?3 || substr(w.id, -12), ?1, 'webhook_flaky', 'webhook_endpoint', w.id,
                    json_object('url', w.url_label, 'delivered', w.window_good,
                                'failed', w.window_bad)
             FROM webhook_endpoints w
             WHERE w.state = 'active' AND w.deleted_at IS NULL AND w.window_from <= ?2
               AND w.window_good > 0 AND w.window_bad >= 10
               AND w.window_bad >= w.window_good
             ON CONFLICT (kind, object_kind, object_id)
             DO UPDATE SET at = excluded.at, details = excluded.details, resolved_at = NULL,
                           resolved_by = NULL",
            [now.into(), before.into(), attention_prefix.into()],
        ),
        Statement::new(
            "UPDATE webhook_endpoints SET window_from = ?1, window_good = 0, window_bad = 0
             WHERE window_from <= ?2",
            [now.into(), before.into()],
        ),
    ]
}
