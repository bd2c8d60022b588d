//! Deliveries as operators see them, and what they may do about them.

use crate::columns;
use crate::operator::audit::{self, Actor, AuditedChange, insert_into_audit};
use keywright_domain::page::{Page, Position};
use keywright_domain::webhook::event_type::TEST_EVENT;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::Deserialize;
use serde_json::json;

/// How many dead letters one replay takes up.
pub const REPLAYED_AT_ONCE: i64 = 1_000;

/// A delivery as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookDelivery {
    /// UUID.
    pub id: String,
    /// The endpoint.
    pub endpoint_id: String,
    /// Where it goes, as of [`crate::events::webhook_endpoints::EndpointUrl::label`].
    pub url_label: String,
    /// Number of its event; `None` for a test.
    pub sequence: Option<i64>,
    /// Id of its event.
    pub event_id: String,
    /// Such as `license.issued`.
    pub event_type: String,
    /// When it happened, in unix seconds.
    pub event_at: i64,
    /// `pending`, `delivered`, `dead`, `cancelled` or `expired`.
    pub state: String,
    /// Why it ended so.
    pub reason: Option<String>,
    /// Failed attempts of this round.
    pub attempts: i64,
    /// Not before this unix second.
    pub next_attempt_at: Option<i64>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub ended_at: Option<i64>,
}

/// One attempt as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookAttempt {
    /// Unix seconds.
    pub started_at: i64,
    /// Unix seconds; `None` while it runs.
    pub ended_at: Option<i64>,
    /// As of [`keywright_domain::webhook::health::AttemptOutcome::as_str`].
    pub outcome: Option<String>,
    /// The answer's status.
    pub status: Option<i64>,
    /// The answer's head, cut and cleaned.
    pub answer_head: Option<String>,
    /// The beginning of the answer's body, cut and cleaned.
    pub answer_body: Option<String>,
}

/// A delivery with what was sent and answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDetail {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// The data of its event as JSON; `None` once the event is purged.
    pub data: Option<String>,
    /// The endpoint's format now, in which it is sent.
    pub format: String,
    /// Oldest first.
    pub attempts: Vec<WebhookAttempt>,
}

/// Which deliveries; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// To this endpoint.
    pub endpoint_id: Option<String>,
    /// Of this event.
    pub event_id: Option<String>,
    /// Of this type.
    pub event_type: Option<String>,
    /// In one of these states; empty for all.
    pub states: &'static [&'static str],
}

/// The statement that reads deliveries.
macro_rules! select_deliveries {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, d.endpoint_id, w.url_label, d.sequence, d.event_id, d.event_type,
                    d.event_at, d.state, d.reason, d.attempts, d.next_attempt_at, d.created_at,
                    d.ended_at
             FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id ",
            $rest
        )
    };
}

/// Deliveries, newest first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    reader: &Reader,
    filter: &DeliveryFilter,
    page: &Page,
) -> Result<Vec<WebhookDelivery>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        select_deliveries!(
            "WHERE (d.created_at, d.id) < (?1, ?2)
               AND (?4 IS NULL OR d.endpoint_id = ?4) AND (?5 IS NULL OR d.event_id = ?5)
               AND (?6 IS NULL OR d.event_type = ?6) AND (?7 = '[]' OR d.state IN (SELECT value FROM json_each(?7)))
             ORDER BY d.created_at DESC, d.id DESC LIMIT ?3"
        ),
        [
            after.at.into(),
            after.id.into(),
            (page.limit + 1).into(),
            filter.endpoint_id.as_ref().into(),
            filter.event_id.as_ref().into(),
            filter.event_type.as_ref().into(),
            json!(filter.states).to_string().into(),
        ],
    );
    reader.query(statement).await
}

/// A delivery with its attempts.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Database, id: &str) -> Result<Option<DeliveryDetail>, DatabaseError> {
    #[derive(Deserialize)]
    struct SentRow {
        data: Option<String>,
        format: String,
    }
    let mut batch = Batch::new();
    let delivery = batch.read(Statement::new(
        select_deliveries!("WHERE d.id = ?1"),
        [id.into()],
    ));
    let sent = batch.read::<SentRow>(Statement::new(
        "SELECT coalesce(e.data, d.body) AS data, w.format
         FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
         LEFT JOIN events e ON e.sequence = d.sequence
         WHERE d.id = ?1",
        [id.into()],
    ));
    let attempts = batch.read(Statement::new(
        "SELECT started_at, ended_at, outcome, status, answer_head, answer_body
         FROM webhook_attempts WHERE delivery_id = ?1 ORDER BY started_at, claim",
        [id.into()],
    ));
    let mut rows = batch.run(database).await?;
    let (Some(delivery), Some(sent)) = (rows.first(delivery)?, rows.first(sent)?) else {
        return Ok(None);
    };
    Ok(Some(DeliveryDetail {
        delivery,
        data: sent.data,
        format: sent.format,
        attempts: rows.all(attempts)?,
    }))
}

/// What came of asking for another round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryOutcome {
    /// It is pending, with a new round of attempts.
    Pending(Box<WebhookDelivery>),
    /// Its event is purged, so that there is nothing to send any more.
    Purged,
    /// Its endpoint was deleted.
    EndpointDeleted,
    /// There is no such delivery.
    Unknown,
}

/// Starts a new round of attempts of a delivery, whatever became of the last one.
///
/// # Errors
/// [`DatabaseError`].
pub async fn retry(
    database: &Database,
    actor: &Actor,
    id: &str,
    audit_id: &str,
) -> Result<RetryOutcome, DatabaseError> {
    #[derive(Deserialize)]
    struct StandingRow {
        #[serde(deserialize_with = "columns::flag")]
        has_data: bool,
        #[serde(deserialize_with = "columns::flag")]
        is_deleted: bool,
    }
    let mut batch = Batch::new();
    let standing = batch.read::<StandingRow>(Statement::new(
        "SELECT (d.body IS NOT NULL
                 OR EXISTS (SELECT 1 FROM events e WHERE e.sequence = d.sequence)) AS has_data,
                (w.deleted_at IS NOT NULL) AS is_deleted
         FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
         WHERE d.id = ?1",
        [id.into()],
    ));
    batch.write(Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'webhook_delivery.retry', 'webhook_delivery', d.id,
                    json_object('state', d.state, 'attempts', d.attempts),
                    json_object('state', 'pending', 'attempts', 0), ?4
             FROM webhook_deliveries d JOIN webhook_endpoints w ON w.id = d.endpoint_id
             WHERE d.id = ?5 AND w.deleted_at IS NULL
               AND (d.state <> 'pending' OR d.attempts > 0)
               AND (d.body IS NOT NULL
                    OR EXISTS (SELECT 1 FROM events e WHERE e.sequence = d.sequence))"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            id.into(),
        ],
    ));
    batch.write(Statement::new(
        "UPDATE webhook_deliveries
         SET state = 'pending', reason = NULL, attempts = 0, next_attempt_at = ?2,
             claim = NULL, claimed_until = NULL, ended_at = NULL
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?3)",
        [id.into(), actor.at.into(), audit_id.into()],
    ));
    let delivery = batch.read(Statement::new(
        select_deliveries!("WHERE d.id = ?1"),
        [id.into()],
    ));
    let mut rows = batch.run(database).await?;
    Ok(match rows.first(standing)? {
        None => RetryOutcome::Unknown,
        Some(StandingRow {
            is_deleted: true, ..
        }) => RetryOutcome::EndpointDeleted,
        Some(StandingRow {
            has_data: false, ..
        }) => RetryOutcome::Purged,
        Some(_) => RetryOutcome::Pending(Box::new(rows.one(delivery)?)),
    })
}

/// Starts a new round for up to [`REPLAYED_AT_ONCE`] dead, expired and cancelled deliveries
/// to an endpoint whose events happened at or after `from`, in unix seconds, the oldest
/// first. Answers how many, and whether the endpoint exists.
///
/// # Errors
/// [`DatabaseError`].
pub async fn replay(
    database: &Database,
    actor: &Actor,
    endpoint_id: &str,
    from: i64,
    audit_id: String,
) -> Result<Option<usize>, DatabaseError> {
    let mut batch = Batch::new();
    let endpoint = batch.read::<Row>(Statement::new(
        "SELECT id FROM webhook_endpoints WHERE id = ?1 AND deleted_at IS NULL",
        [endpoint_id.into()],
    ));
    let replayed = batch.read::<Row>(Statement::new(
        "UPDATE webhook_deliveries
         SET state = 'pending', reason = NULL, attempts = 0, next_attempt_at = ?3,
             claim = NULL, claimed_until = NULL, ended_at = NULL
         WHERE id IN (SELECT d.id FROM webhook_deliveries d
                      JOIN webhook_endpoints w ON w.id = d.endpoint_id
                      JOIN events e ON e.sequence = d.sequence
                      WHERE d.endpoint_id = ?1 AND w.deleted_at IS NULL AND d.event_at >= ?2
                        AND d.state IN ('dead', 'expired', 'cancelled')
                      ORDER BY d.sequence LIMIT ?4)
         RETURNING id",
        [
            endpoint_id.into(),
            from.into(),
            actor.at.into(),
            REPLAYED_AT_ONCE.into(),
        ],
    ));
    let entry = AuditedChange {
        id: audit_id,
        action: "webhook_endpoint.replay",
        object_kind: "webhook_endpoint",
        object_id: endpoint_id.to_owned(),
        before: None,
        after: Some(json!({ "from": keywright_domain::dates::rfc3339(from) })),
    };
    batch.write(audit::insert_if_changed(actor, entry));
    let mut rows = batch.run(database).await?;
    let count = rows.all(replayed)?.len();
    Ok(rows.any(endpoint)?.then_some(count))
}

/// Makes a test delivery to an endpoint: a type of its own, with ids that nothing has, in
/// no feed. `None` for an unknown endpoint.
///
/// # Errors
/// [`DatabaseError`].
pub async fn test(
    database: &Database,
    actor: &Actor,
    endpoint_id: &str,
    [id, event_id, audit_id]: [String; 3],
) -> Result<Option<WebhookDelivery>, DatabaseError> {
    let data = json!({ "endpoint_id": endpoint_id }).to_string();
    let mut batch = Batch::new();
    batch.write(Statement::new(
        "INSERT INTO webhook_deliveries (id, endpoint_id, sequence, event_id, event_type, event_at,
                                         body, state, attempts, next_attempt_at, created_at)
         SELECT ?1, w.id, NULL, ?2, ?3, ?4, ?5, 'pending', 0, ?4, ?4
         FROM webhook_endpoints w WHERE w.id = ?6 AND w.deleted_at IS NULL",
        [
            (&id).into(),
            event_id.into(),
            TEST_EVENT.into(),
            actor.at.into(),
            data.into(),
            endpoint_id.into(),
        ],
    ));
    let entry = AuditedChange {
        id: audit_id,
        action: "webhook_endpoint.test",
        object_kind: "webhook_endpoint",
        object_id: endpoint_id.to_owned(),
        before: None,
        after: Some(json!({ "delivery_id": id })),
    };
    batch.write(audit::insert_if_changed(actor, entry));
    let delivery = batch.read(Statement::new(
        select_deliveries!("WHERE d.id = ?1"),
        [(&id).into()],
    ));
    batch.run(database).await?.first(delivery)
}
