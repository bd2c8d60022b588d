//! The event log: what happened, oldest first, by a number that only rises.

use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

/// How many events a page looks at; those that its filter leaves out count.
const WINDOW: i64 = 5_000;

/// One event as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedEvent {
    /// Rises from event to event.
    pub sequence: i64,
    /// `UUIDv7`.
    pub id: String,
    /// Unix seconds.
    pub at: i64,
    /// Such as `license.issued`.
    pub event_type: String,
    /// A JSON object, as it was written when it happened.
    pub data: String,
}

/// What comes after a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsAfter {
    /// These events, and the sequence to go on from.
    Page {
        /// Oldest first.
        events: Vec<RecordedEvent>,
        /// The last sequence that was looked at.
        next_after: i64,
        /// True when there is more now.
        has_more: bool,
    },
    /// Some of what came after it was purged.
    Purged {
        /// The sequence from which nothing is missing.
        purged_to: i64,
    },
}

#[derive(Deserialize)]
struct LogState {
    purged_to: i64,
    newest: i64,
    looked_to: Option<i64>,
}

/// Up to `limit` events after `after`, or from the oldest that is left where it is `None`.
/// `filter` has entries as of [`keywright_domain::webhook::filter`].
///
/// # Errors
/// [`DatabaseError`].
pub async fn after(
    database: &Database,
    after: Option<i64>,
    filter: &[String],
    limit: i64,
) -> Result<EventsAfter, DatabaseError> {
    let filter = serde_json::Value::from(filter.to_vec()).to_string();
    let mut batch = Batch::new();
    let state = batch.read::<LogState>(Statement::new(
        "SELECT p.purged_to,
                coalesce((SELECT max(sequence) FROM events), p.purged_to) AS newest,
                (SELECT max(sequence) FROM
                   (SELECT sequence FROM events WHERE sequence > coalesce(?1, p.purged_to)
                    ORDER BY sequence LIMIT ?2)) AS looked_to
         FROM event_purges p",
        [after.into(), WINDOW.into()],
    ));
    let events = batch.read::<RecordedEvent>(Statement::new(
        "SELECT sequence, id, at, event_type, data
         FROM (SELECT * FROM events
               WHERE sequence > coalesce(?1, (SELECT purged_to FROM event_purges))
               ORDER BY sequence LIMIT ?2) AS e
         WHERE EXISTS (SELECT 1 FROM json_each(?3) AS f
                       WHERE f.value IN ('*', e.event_type,
                                substr(e.event_type, 1, instr(e.event_type, '.')) || '*'))
         ORDER BY sequence LIMIT ?4",
        [after.into(), WINDOW.into(), filter.into(), limit.into()],
    ));
    let mut rows = batch.run(database).await?;
    let state = rows.one(state)?;
    let events = rows.all(events)?;
    let from = after.unwrap_or(state.purged_to);
    if from < state.purged_to {
        return Ok(EventsAfter::Purged {
            purged_to: state.purged_to,
        });
    }
    let is_full = i64::try_from(events.len()) == Ok(limit);
    let last = events.last().map(|event| event.sequence);
    let next_after = match last {
        Some(last) if is_full => last,
        _ => state.looked_to.unwrap_or(from),
    };
    Ok(EventsAfter::Page {
        events,
        next_after,
        has_more: next_after < state.newest,
    })
}

/// Purges those of the `most` oldest events that are from before `before`, in unix
/// seconds, and remembers how far. An event that an active endpoint or mail waits for stays, and
/// so does all that came after it: what is left is always the end of the log, without
/// holes.
#[must_use]
pub fn purge(before: i64, most: u32) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE event_purges SET purged_to = max(purged_to, coalesce((
               WITH oldest AS (SELECT sequence, at FROM events ORDER BY sequence LIMIT ?2)
               SELECT max(sequence) FROM oldest
               WHERE sequence < coalesce((SELECT min(sequence) FROM oldest WHERE at >= ?1),
                                         9007199254740991)
                 AND sequence <= coalesce(
                       (SELECT min(position) FROM webhook_endpoints
                        WHERE state = 'active' AND deleted_at IS NULL), 9007199254740991)
                 AND sequence <= coalesce(
                       (SELECT position FROM mail_state WHERE is_on = 1), 9007199254740991)
                 AND sequence < coalesce(
                       (SELECT min(sequence) FROM webhook_deliveries
                        WHERE state = 'pending' AND sequence IS NOT NULL),
                       9007199254740991)), 0))",
            [before.into(), i64::from(most).into()],
        ),
        Statement::new(
            "DELETE FROM events WHERE sequence <= (SELECT purged_to FROM event_purges)",
            [],
        ),
    ]
}

/// Purges up to `most` mails that ended, from before `before`; `now`, both in unix seconds:
/// those of the last two days count for the daily cap, and a link works until its end.
#[must_use]
pub fn purge_mails(before: i64, now: i64, most: u32) -> Statement {
    Statement::new(
        "DELETE FROM mails WHERE id IN (
           SELECT id FROM mails
           WHERE created_at < ?1 AND state NOT IN ('waiting', 'held')
             AND coalesce(link_expires_at, 0) < ?2
           ORDER BY created_at, id LIMIT ?3)",
        [
            before.min(now - 2 * 86_400).into(),
            now.into(),
            i64::from(most).into(),
        ],
    )
}

/// Purges those of the `most` oldest deliveries that are from before `before`, in unix
/// seconds, and have ended, with their attempts.
#[must_use]
pub fn purge_deliveries(before: i64, most: u32) -> [Statement; 2] {
    macro_rules! old {
        () => {
            "SELECT id FROM (SELECT id, state, created_at FROM webhook_deliveries
                             ORDER BY created_at, id LIMIT ?2)
             WHERE state <> 'pending' AND created_at < ?1"
        };
    }
    let params = || [before.into(), i64::from(most).into()];
    [
        Statement::new(
            concat!(
                "DELETE FROM webhook_attempts WHERE delivery_id IN (",
                old!(),
                ")"
            ),
            params(),
        ),
        Statement::new(
            concat!("DELETE FROM webhook_deliveries WHERE id IN (", old!(), ")"),
            params(),
        ),
    ]
}
