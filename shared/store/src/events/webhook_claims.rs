//! Claims on deliveries: one conditional update with a deadline and a fence. A claim that
//! its tick does not answer ends by itself, and the delivery is due again.

use keywright_domain::webhook::retry::MAX_ATTEMPTS;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

/// How many deliveries of one endpoint a claim takes.
pub const RUN: i64 = 5;

/// How long the first delivery of a run is claimed for, in seconds.
const FIRST_CLAIM: i64 = 30;
/// How much longer each next one is, in seconds: each waits for those before it, which take
/// at most ten seconds.
const NEXT_CLAIM: i64 = 12;

/// A delivery to attempt now.
#[derive(Debug, Clone, Deserialize)]
pub struct ClaimedDelivery {
    /// UUID.
    pub id: String,
    /// The endpoint.
    pub endpoint_id: String,
    /// The event's number; `None` for a test.
    pub sequence: Option<i64>,
    /// UUID; for a test, one that no event has.
    pub event_id: String,
    /// Such as `license.issued`.
    pub event_type: String,
    /// Unix seconds.
    pub event_at: i64,
    /// The event's data as JSON, or the data of a test.
    pub data: Option<String>,
    /// Failed attempts before this one.
    pub attempts: i64,
    /// Until when the result counts, in unix seconds.
    pub claimed_until: i64,
    /// Where it goes.
    pub url: String,
    /// `standard` or `keysat`.
    pub format: String,
    /// Sealed.
    pub secret: String,
    /// Sealed.
    pub old_secret: Option<String>,
    /// Until when the old secret signs too, in unix seconds.
    pub old_secret_until: Option<i64>,
    /// Sealed.
    pub signing_seed: Option<String>,
    /// The endpoint's first failure after its last success, in unix seconds.
    pub failing_since: Option<i64>,
}

/// Ends claims whose tick was interrupted: the attempt counts, or a body that kills a tick
/// would come back for ever, and says nothing about the endpoint.
#[must_use]
pub fn end_interrupted(now: i64) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE webhook_attempts SET outcome = 'interrupted', ended_at = ?1
             WHERE outcome IS NULL
               AND (delivery_id, claim) IN (SELECT id, claim FROM webhook_deliveries
                                            WHERE claimed_until < ?1)",
            [now.into()],
        ),
        Statement::new(
            "UPDATE webhook_deliveries
             SET attempts = attempts + 1, claim = NULL, claimed_until = NULL,
                 state = iif(attempts + 1 >= ?2, 'dead', 'pending'),
                 reason = iif(attempts + 1 >= ?2, 'interrupted', reason),
                 next_attempt_at = iif(attempts + 1 >= ?2, NULL, ?1),
                 ended_at = iif(attempts + 1 >= ?2, ?1, NULL)
             WHERE claimed_until < ?1",
            [now.into(), MAX_ATTEMPTS.into()],
        ),
    ]
}

/// An active endpoint `w` with a delivery that is due, and none that is claimed.
macro_rules! is_next {
    ($now:literal) => {
        concat!(
            "w.state = 'active' AND w.deleted_at IS NULL
             AND EXISTS (SELECT 1 FROM webhook_deliveries p
                         WHERE p.endpoint_id = w.id AND p.state = 'pending'
                           AND p.next_attempt_at <= ",
            $now,
            " AND p.claimed_until IS NULL)
             AND w.id NOT IN (SELECT c.endpoint_id FROM webhook_deliveries c
                              WHERE c.claimed_until IS NOT NULL)"
        )
    };
}
pub(super) use is_next;

/// Claims up to [`RUN`] due deliveries for each of up to `endpoints` active endpoints that
/// no other claim holds, those served longest ago first. An endpoint's come in the order
/// of their events.
///
/// # Errors
/// [`DatabaseError`]; what was claimed then is due again when the claim ends.
pub async fn claim(
    database: &Database,
    claim: &str,
    now_millis: i64,
    endpoints: i64,
) -> Result<Vec<ClaimedDelivery>, DatabaseError> {
    let now = now_millis / 1_000;
    let mut batch = Batch::new();
    batch.write(Statement::new(
        concat!(
            "UPDATE webhook_deliveries SET claim = ?1, claimed_until = ?2 + ?5
         WHERE id IN
           (SELECT n.id
            FROM (SELECT w.id FROM webhook_endpoints w
                  WHERE ",
            is_next!("?2"),
            " ORDER BY w.served_at, w.id LIMIT ?3) AS turn
            CROSS JOIN webhook_deliveries n
              ON n.id IN (SELECT id FROM webhook_deliveries INDEXED BY webhook_deliveries_next
                          WHERE endpoint_id = turn.id AND state = 'pending'
                            AND claimed_until IS NULL AND next_attempt_at <= ?2
                          ORDER BY coalesce(sequence, 0), id LIMIT ?4))"
        ),
        [
            claim.into(),
            now.into(),
            endpoints.into(),
            RUN.into(),
            FIRST_CLAIM.into(),
        ],
    ));
    batch.write(Statement::new(
        "UPDATE webhook_deliveries AS d
         SET claimed_until = claimed_until + ?2 *
           (SELECT count(*) FROM webhook_deliveries o
            WHERE o.claim = ?1 AND o.endpoint_id = d.endpoint_id
              AND (coalesce(o.sequence, 0), o.id) < (coalesce(d.sequence, 0), d.id))
         WHERE d.claim = ?1",
        [claim.into(), NEXT_CLAIM.into()],
    ));
    batch.write(Statement::new(
        "INSERT INTO webhook_attempts (delivery_id, claim, started_at)
         SELECT id, claim, ?2 FROM webhook_deliveries WHERE claim = ?1",
        [claim.into(), now.into()],
    ));
    batch.write(Statement::new(
        "UPDATE webhook_endpoints SET served_at = ?2
         WHERE id IN (SELECT endpoint_id FROM webhook_deliveries WHERE claim = ?1)",
        [claim.into(), now_millis.into()],
    ));
    let claimed = batch.read(Statement::new(
        "SELECT d.id, d.endpoint_id, d.sequence, d.event_id, d.event_type, d.event_at,
                coalesce(e.data, d.body) AS data, d.attempts, d.claimed_until, w.url, w.format,
                w.secret, w.old_secret, w.old_secret_until, w.signing_seed, w.failing_since
         FROM webhook_deliveries d
         JOIN webhook_endpoints w ON w.id = d.endpoint_id
         LEFT JOIN events e ON e.sequence = d.sequence
         WHERE d.claim = ?1
         ORDER BY d.endpoint_id, coalesce(d.sequence, 0), d.id",
        [claim.into()],
    ));
    batch.run(database).await?.all(claimed)
}
