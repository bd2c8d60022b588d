//! What became of claimed deliveries, and what it says about their endpoint.

use keywright_domain::webhook::health::EndpointState;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;

/// What became of one attempt.
#[derive(Debug, Clone, Serialize)]
pub struct AttemptResult {
    /// The delivery.
    pub id: String,
    /// As of [`keywright_domain::webhook::health::AttemptOutcome::as_str`].
    pub outcome: &'static str,
    /// When it began and ended, in unix seconds.
    pub started_at: i64,
    /// When it ended.
    pub ended_at: i64,
    /// The answer's status, where there was one.
    pub status: Option<u16>,
    /// The answer's head, cut and cleaned.
    pub answer_head: Option<String>,
    /// The beginning of the answer's body, cut and cleaned.
    pub answer_body: Option<String>,
    /// `delivered`, `pending` or `dead`.
    pub state: &'static str,
    /// When it is attempted again, in unix seconds.
    pub next_attempt_at: Option<i64>,
}

/// What the results of one run say about the endpoint.
#[derive(Debug, Clone, Serialize)]
pub struct EndpointResult {
    /// The endpoint.
    pub id: String,
    /// `failing_since` when the deliveries were claimed.
    pub was_failing_since: Option<i64>,
    /// And now.
    pub failing_since: Option<i64>,
    /// Its state now.
    #[serde(serialize_with = "word")]
    pub state: EndpointState,
    /// How many attempts ended well.
    pub good: i64,
    /// How many ended badly, by no fault of ours.
    pub bad: i64,
    /// True when a delivery ended as a dead letter.
    pub died: bool,
    /// True when every delivery that was claimed was attempted.
    #[serde(skip)]
    pub is_whole: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde passes it")]
fn word<S: Serializer>(state: &EndpointState, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.as_str())
}

/// What was written down.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    /// Results that counted; the rest came too late and changed nothing.
    pub counted: usize,
    /// Statements.
    pub statements: usize,
}

/// Writes down the results of a claim's runs, as far as it still holds, and gives back what
/// was not attempted, in one batch. `attention_prefix`: the first 24 characters of a new id.
///
/// # Errors
/// [`DatabaseError`]: nothing was written, and what was sent is sent again when the claim
/// ends.
pub async fn record(
    database: &Database,
    claim: &str,
    now: i64,
    results: &[AttemptResult],
    endpoints: &[EndpointResult],
    attention_prefix: &str,
) -> Result<Recorded, DatabaseError> {
    let results = json(results)?;
    let mut batch = Batch::new();
    batch.write(Statement::new(
        "UPDATE webhook_attempts AS a
         SET outcome = r.value ->> '$.outcome', started_at = r.value ->> '$.started_at',
             ended_at = r.value ->> '$.ended_at', status = r.value ->> '$.status',
             answer_head = r.value ->> '$.answer_head',
             answer_body = r.value ->> '$.answer_body'
         FROM json_each(?2) AS r
         WHERE a.delivery_id = r.value ->> '$.id' AND a.claim = ?1 AND a.outcome IS NULL
           AND EXISTS (SELECT 1 FROM webhook_deliveries d
                       WHERE d.id = a.delivery_id AND d.claim = ?1 AND d.claimed_until >= ?3)",
        [claim.into(), results.clone().into(), now.into()],
    ));
    let counted = batch.read::<Row>(Statement::new(
        "UPDATE webhook_deliveries AS d
         SET state = r.value ->> '$.state', claim = NULL, claimed_until = NULL,
             attempts = d.attempts + iif(r.value ->> '$.state' = 'delivered', 0, 1),
             next_attempt_at = r.value ->> '$.next_attempt_at',
             reason = iif(r.value ->> '$.state' = 'dead', r.value ->> '$.outcome', NULL),
             ended_at = iif(r.value ->> '$.state' = 'pending', NULL, r.value ->> '$.ended_at')
         FROM json_each(?2) AS r
         WHERE d.id = r.value ->> '$.id' AND d.claim = ?1 AND d.claimed_until >= ?3
           AND d.state = 'pending'
         RETURNING id",
        [claim.into(), results.into(), now.into()],
    ));
    batch.write(Statement::new(
        "UPDATE webhook_endpoints AS w
         SET state = r.value ->> '$.state', failing_since = r.value ->> '$.failing_since',
             window_good = w.window_good + (r.value ->> '$.good'),
             window_bad = w.window_bad + (r.value ->> '$.bad')
         FROM json_each(?1) AS r
         WHERE w.id = r.value ->> '$.id' AND w.state = 'active' AND w.deleted_at IS NULL
           AND w.failing_since IS r.value ->> '$.was_failing_since'",
        [json(endpoints)?.into()],
    ));
    let broken_off = endpoints.iter().filter(|endpoint| !endpoint.is_whole);
    let broken_off: Vec<&str> = broken_off.map(|endpoint| endpoint.id.as_str()).collect();
    if !broken_off.is_empty() {
        batch.extend(release(claim, &json(&broken_off)?));
    }
    batch.extend(attention(endpoints, now, attention_prefix)?);
    let statements = batch.statement_count();
    let counted = batch.run(database).await?.all(counted)?.len();
    Ok(Recorded {
        counted,
        statements,
    })
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| {
        DatabaseError::Row(format!("results of deliveries cannot be written: {error}"))
    })
}

/// Gives back what runs did not attempt: due as before, with no attempt counted.
fn release(claim: &str, endpoint_ids: &str) -> [Statement; 2] {
    let params = || [claim.into(), endpoint_ids.into()];
    [
        Statement::new(
            "DELETE FROM webhook_attempts
             WHERE claim = ?1 AND outcome IS NULL
               AND delivery_id IN (SELECT id FROM webhook_deliveries
                                   WHERE claim = ?1
                                     AND endpoint_id IN (SELECT value FROM json_each(?2)))",
            params(),
        ),
        Statement::new(
            "UPDATE webhook_deliveries SET claim = NULL, claimed_until = NULL
             WHERE claim = ?1 AND endpoint_id IN (SELECT value FROM json_each(?2))",
            params(),
        ),
    ]
}

/// One item an endpoint and kind, with counts: why nothing is sent any more, and how many
/// deliveries ended as dead letters.
fn attention(
    endpoints: &[EndpointResult],
    now: i64,
    prefix: &str,
) -> Result<Option<Statement>, DatabaseError> {
    let kinds = endpoints.iter().filter_map(|endpoint| {
        let kind = match endpoint.state {
            EndpointState::Failing => "webhook_failing",
            EndpointState::Gone => "webhook_gone",
            EndpointState::Active | EndpointState::Paused if endpoint.died => {
                "webhook_dead_letters"
            }
            EndpointState::Active | EndpointState::Paused => return None,
        };
        Some((endpoint.id.as_str(), kind))
    });
    let kinds: BTreeMap<&str, &str> = kinds.collect();
    if kinds.is_empty() {
        return Ok(None);
    }
    Ok(Some(Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1 || substr(w.id, -12), ?2, k.value, 'webhook_endpoint', w.id,
                json_object('url', w.url_label, 'failing_since', w.failing_since,
                            'pending', (SELECT count(*) FROM webhook_deliveries
                                        WHERE endpoint_id = w.id AND state = 'pending'),
                            'dead', (SELECT count(*) FROM webhook_deliveries
                                     WHERE endpoint_id = w.id AND state = 'dead'))
         FROM json_each(?3) AS k JOIN webhook_endpoints w ON w.id = k.key
         WHERE w.deleted_at IS NULL
           AND (k.value = 'webhook_dead_letters' OR w.state <> 'active')
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details, resolved_at = NULL,
                       resolved_by = NULL",
        [prefix.into(), now.into(), json(&kinds)?.into()],
    )))
}
