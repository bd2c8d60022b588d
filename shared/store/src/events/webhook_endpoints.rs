//! Webhook endpoints: where operators are told.

use crate::columns;
use crate::events::announcement;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::page::{Page, Position};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::json;

/// How many endpoints a shop may have that are not deleted.
pub const MAX_ENDPOINTS: i64 = 100;

/// An endpoint as recorded, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WebhookEndpoint {
    /// `UUIDv7`.
    pub id: String,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
    /// Where deliveries go. It may hold a secret of its receiver.
    pub url: String,
    /// As [`EndpointUrl::label`].
    pub url_label: String,
    /// What the operator calls it; may be empty.
    pub description: String,
    /// Which events it is sent.
    #[serde(deserialize_with = "columns::json")]
    pub event_types: Vec<String>,
    /// Only events about this product; `None` for all.
    pub product_id: Option<String>,
    /// `standard` or `keysat`.
    pub format: String,
    /// Until when deliveries carry a signature by the secret before this one, too, in unix
    /// seconds.
    pub old_secret_until: Option<i64>,
    /// `whpk_…`, where deliveries carry an Ed25519 signature, too.
    pub signing_key: Option<String>,
    /// `active`, `paused`, `failing` or `gone`.
    pub state: String,
    /// The first failure after the last success, in unix seconds.
    pub failing_since: Option<i64>,
    /// How many deliveries are pending.
    pub pending: i64,
    /// How many events were recorded that no delivery was made of yet, before the filter.
    pub behind: i64,
}

/// The statement that reads endpoints that are not deleted.
macro_rules! select_endpoints {
    ($rest:literal) => {
        concat!(
            "SELECT w.id, w.created_at, w.updated_at, w.url, w.url_label, w.description, w.event_types,
                    w.product_id, w.format, w.old_secret_until, w.signing_key, w.state,
                    w.failing_since,
                    (SELECT count(*) FROM webhook_deliveries d
                     WHERE d.endpoint_id = w.id AND d.state = 'pending') AS pending,
                    max(0, coalesce((SELECT max(sequence) FROM events), 0) - w.position) AS behind
             FROM webhook_endpoints w WHERE w.deleted_at IS NULL ",
            $rest
        )
    };
}

/// Reads the endpoint `?1`.
pub(crate) const BY_ID: &str = select_endpoints!("AND w.id = ?1");

/// Where deliveries go, and what audit entries and those without the right to see it are
/// shown: a URL may hold a secret of its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl {
    /// The whole URL.
    pub url: String,
    /// As of [`keywright_domain::webhook::target::WebhookTarget::label`].
    pub label: String,
}

/// A new endpoint. The secrets are sealed.
#[derive(Debug, Clone)]
pub struct NewWebhookEndpoint {
    /// A new `UUIDv7`.
    pub id: String,
    /// Where deliveries go.
    pub url: EndpointUrl,
    /// What the operator calls it.
    pub description: String,
    /// Which events it is sent.
    pub event_types: Vec<String>,
    /// Only events about this product.
    pub product_id: Option<String>,
    /// `standard` or `keysat`.
    pub format: &'static str,
    /// Sealed.
    pub secret: String,
    /// Sealed, with the public key.
    pub signing: Option<(String, String)>,
}

/// What came of making an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointCreation {
    /// As recorded.
    Created(Box<WebhookEndpoint>),
    /// There are [`MAX_ENDPOINTS`].
    TooMany,
}

/// Records an endpoint with its audit entry. It is sent what is recorded from now on.
///
/// # Errors
/// [`DatabaseError`].
pub async fn create(
    database: &Database,
    actor: &Actor,
    new: &NewWebhookEndpoint,
    audit_id: String,
) -> Result<EndpointCreation, DatabaseError> {
    let types = serde_json::Value::from(new.event_types.clone()).to_string();
    let (seed, key) = new.signing.clone().unzip();
    let insert = Statement::new(
        "INSERT INTO webhook_endpoints (id, created_at, updated_at, url, url_label, description,
                                        event_types, product_id, format, secret, signing_seed, signing_key,
                                        state, position, window_from, window_good, window_bad,
                                        served_at)
         SELECT ?1, ?2, ?2, ?3, ?12, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'active',
                max(coalesce((SELECT max(sequence) FROM events), 0),
                    (SELECT purged_to FROM event_purges)), ?2, 0, 0, 0
         WHERE (SELECT count(*) FROM webhook_endpoints WHERE deleted_at IS NULL) < ?11",
        [
            (&new.id).into(),
            actor.at.into(),
            (&new.url.url).into(),
            (&new.description).into(),
            types.into(),
            new.product_id.as_ref().into(),
            new.format.into(),
            (&new.secret).into(),
            seed.into(),
            key.into(),
            MAX_ENDPOINTS.into(),
            (&new.url.label).into(),
        ],
    );
    let entry = AuditedChange {
        id: audit_id.clone(),
        action: "webhook_endpoint.create",
        object_kind: "webhook_endpoint",
        object_id: new.id.clone(),
        before: None,
        after: Some(json!({
            "url": new.url.label, "description": new.description, "event_types": new.event_types,
            "product_id": new.product_id, "format": new.format,
        })),
    };
    let mut batch = Batch::new();
    batch.extend([
        insert,
        audit::insert_if_changed(actor, entry),
        announcement::of_entry(&audit_id),
    ]);
    let recorded = batch.read::<WebhookEndpoint>(Statement::new(BY_ID, [(&new.id).into()]));
    let recorded = batch.run(database).await?.first(recorded)?;
    Ok(match recorded {
        Some(endpoint) => EndpointCreation::Created(Box::new(endpoint)),
        None => EndpointCreation::TooMany,
    })
}

/// Endpoints, newest first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(reader: &Reader, page: &Page) -> Result<Vec<WebhookEndpoint>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let statement = Statement::new(
        select_endpoints!(
            "AND (w.created_at, w.id) < (?1, ?2) ORDER BY w.created_at DESC, w.id DESC LIMIT ?3"
        ),
        [after.at.into(), after.id.into(), (page.limit + 1).into()],
    );
    reader.query(statement).await
}

/// The sealed secret of an endpoint.
///
/// # Errors
/// [`DatabaseError`].
pub async fn sealed_secret(reader: &Reader, id: &str) -> Result<Option<String>, DatabaseError> {
    #[derive(Deserialize)]
    struct SecretRow {
        secret: String,
    }
    let statement = Statement::new(
        "SELECT secret FROM webhook_endpoints WHERE id = ?1 AND deleted_at IS NULL",
        [id.into()],
    );
    let row: Option<SecretRow> = reader.first(statement).await?;
    Ok(row.map(|row| row.secret))
}

/// The endpoint with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(reader: &Reader, id: &str) -> Result<Option<WebhookEndpoint>, DatabaseError> {
    reader.first(Statement::new(BY_ID, [id.into()])).await
}
