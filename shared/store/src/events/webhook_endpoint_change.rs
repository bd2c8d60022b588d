//! What an operator changes of a webhook endpoint. Every change says what becomes of the
//! deliveries that wait.

use crate::difference::{self, Change, insert_difference};
use crate::events::announcement;
use crate::events::webhook_endpoints::{BY_ID, EndpointUrl, WebhookEndpoint};
use crate::operator::audit::{self, Actor, AuditedChange, insert_into_audit};
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde_json::{Value, json};

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct WebhookEndpointChanges {
    /// A new URL. What waits goes there.
    pub url: Option<EndpointUrl>,
    /// A new description.
    pub description: Option<String>,
    /// Which events it is sent. What waits and is not among them is cancelled.
    pub event_types: Option<Vec<String>>,
    /// Only events about this product; `Some(None)` for all.
    pub product_id: Option<Option<String>>,
    /// A new format. What waits is sent in it.
    pub format: Option<&'static str>,
    /// Whether deliveries are sent. Pausing never stops recording; resuming begins with a
    /// clean record of health.
    pub active: Option<bool>,
}

const DIFFERENCE: &str = insert_difference!(
    "SELECT id, json_object('url', url_label, 'description', description,
            'event_types', json(event_types), 'product_id', product_id, 'format', format,
            'active', json(iif(state = 'active', 'true', 'false'))) AS doc
     FROM webhook_endpoints WHERE id = ?6 AND deleted_at IS NULL"
);

/// Changes an endpoint and answers it as it now is; `None` for an unknown id. What changes
/// nothing writes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &WebhookEndpointChanges,
    audit_id: &str,
) -> Result<Option<WebhookEndpoint>, DatabaseError> {
    let members = difference::members([
        (
            "url",
            changes.url.as_ref().map(|url| url.label.clone().into()),
        ),
        // Not a member of the document, so that no entry has it.
        (
            "_url",
            changes.url.as_ref().map(|url| url.url.clone().into()),
        ),
        ("description", changes.description.clone().map(Value::from)),
        ("event_types", changes.event_types.clone().map(Value::from)),
        ("product_id", changes.product_id.clone().map(Value::from)),
        ("format", changes.format.map(Value::from)),
        ("active", changes.active.map(Value::from)),
    ]);
    let change = Change {
        audit_id,
        action: "webhook_endpoint.change",
        object_kind: "webhook_endpoint",
        object_id: id,
        members: &members,
    };
    let update = difference::update(
        "UPDATE webhook_endpoints SET
           url = coalesce(?2 ->> '$._url', url),
           url_label = coalesce(?2 ->> '$.url', url_label),
           description = coalesce(?2 ->> '$.description', description),
           event_types = coalesce(?2 -> '$.event_types', event_types),
           product_id = iif(json_type(?2, '$.product_id') IS NULL,
                            product_id, ?2 ->> '$.product_id'),
           format = coalesce(?2 ->> '$.format', format),
           failing_since = iif(?2 ->> '$.active' = 1 AND state <> 'active', NULL, failing_since),
           window_from = iif(?2 ->> '$.active' = 1 AND state <> 'active', ?3, window_from),
           window_good = iif(?2 ->> '$.active' = 1 AND state <> 'active', 0, window_good),
           window_bad = iif(?2 ->> '$.active' = 1 AND state <> 'active', 0, window_bad),
           state = CASE ?2 ->> '$.active' WHEN 1 THEN 'active'
                                          WHEN 0 THEN iif(state = 'active', 'paused', state)
                                          ELSE state END,
           updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        actor,
        &change,
    );
    let cancel = cancel_unsubscribed(actor, id, audit_id);
    let close = Statement::new(
        "UPDATE attention SET resolved_at = ?2, resolved_by = ?3
         WHERE object_kind = 'webhook_endpoint' AND object_id = ?1 AND resolved_at IS NULL
           AND kind IN ('webhook_failing', 'webhook_gone')
           AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)
           AND 'active' = (SELECT state FROM webhook_endpoints WHERE id = ?1)",
        [
            id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            audit_id.into(),
        ],
    );
    let mut batch = Batch::new();
    batch.extend([
        difference::entry(DIFFERENCE, actor, &change),
        update,
        cancel,
        close,
        announcement::of_entry(audit_id),
    ]);
    let endpoint = batch.read(Statement::new(BY_ID, [id.into()]));
    batch.run(database).await?.first(endpoint)
}

/// Cancels what waits and is no longer subscribed to, if the entry was written.
fn cancel_unsubscribed(actor: &Actor, id: &str, audit_id: &str) -> Statement {
    Statement::new(
        concat!(
            "UPDATE webhook_deliveries
             SET state = 'cancelled', reason = 'unsubscribed', ended_at = ?2,
                 next_attempt_at = NULL, claim = NULL, claimed_until = NULL
             WHERE endpoint_id = ?1 AND state = 'pending' AND sequence IS NOT NULL
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?3)
               AND NOT EXISTS (SELECT 1 FROM webhook_endpoints w, events e
                               WHERE w.id = ?1 AND e.sequence = webhook_deliveries.sequence
                                 AND ",
            crate::events::is_subscribed!(),
            ")"
        ),
        [id.into(), actor.at.into(), audit_id.into()],
    )
}

/// Puts a new secret in place of the one before, which stays good until `old_until`, in
/// unix seconds. `None` for an unknown id. A rotation within an overlap ends the oldest.
///
/// # Errors
/// [`DatabaseError`].
pub async fn rotate_secret(
    database: &Database,
    actor: &Actor,
    id: &str,
    sealed: &str,
    signing: Option<(&str, &str)>,
    old_until: i64,
    audit_id: String,
) -> Result<Option<WebhookEndpoint>, DatabaseError> {
    let (seed, key) = signing.unzip();
    let update = Statement::new(
        "UPDATE webhook_endpoints
         SET old_secret = iif(?4 > ?5, secret, NULL), old_secret_until = iif(?4 > ?5, ?4, NULL),
             secret = ?2, signing_seed = coalesce(?3, signing_seed),
             signing_key = coalesce(?6, signing_key), updated_at = ?5
         WHERE id = ?1 AND deleted_at IS NULL",
        [
            id.into(),
            sealed.into(),
            seed.into(),
            old_until.into(),
            actor.at.into(),
            key.into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "webhook_endpoint.rotate_secret",
        object_kind: "webhook_endpoint",
        object_id: id.to_owned(),
        before: None,
        after: Some(json!({ "old_secret_until": keywright_domain::dates::rfc3339(old_until) })),
    };
    let mut batch = Batch::new();
    batch.extend([
        update,
        audit::insert_if_changed(actor, entry),
        announcement::of_entry(&audit_id),
    ]);
    let endpoint = batch.read(Statement::new(BY_ID, [id.into()]));
    batch.run(database).await?.first(endpoint)
}

/// Deletes an endpoint: nothing is sent to it from now on, and what waits is cancelled. Its
/// history stays. Answers whether it existed.
///
/// # Errors
/// [`DatabaseError`].
pub async fn delete(
    database: &Database,
    actor: &Actor,
    id: &str,
    audit_id: &str,
) -> Result<bool, DatabaseError> {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'webhook_endpoint.delete', 'webhook_endpoint', id,
                    json_object('description', description, 'event_types', json(event_types),
                                'format', format), NULL, ?4
             FROM webhook_endpoints WHERE id = ?5 AND deleted_at IS NULL"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            (&actor.request_id).into(),
            id.into(),
        ],
    );
    let params = || [id.into(), actor.at.into(), audit_id.into()];
    let mut batch = Batch::new();
    batch.write(entry);
    let deleted = batch.read::<Row>(Statement::new(
        "UPDATE webhook_endpoints
         SET deleted_at = ?2, updated_at = ?2, secret = '', old_secret = NULL, signing_seed = NULL
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?3)
         RETURNING id",
        params(),
    ));
    batch.extend([
        Statement::new(
            "UPDATE webhook_deliveries
             SET state = 'cancelled', reason = 'endpoint deleted', ended_at = ?2,
                 next_attempt_at = NULL, claim = NULL, claimed_until = NULL
             WHERE endpoint_id = ?1 AND state = 'pending'
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?3)",
            params(),
        ),
        Statement::new(
            "UPDATE attention SET resolved_at = ?2, resolved_by = ?4
             WHERE object_kind = 'webhook_endpoint' AND object_id = ?1 AND resolved_at IS NULL
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?3)",
            [
                id.into(),
                actor.at.into(),
                audit_id.into(),
                actor.name.as_ref().into(),
            ],
        ),
        announcement::of_entry(audit_id),
    ]);
    batch.run(database).await?.any(deleted)
}
