//! What was sold.

use crate::audit::{self, Actor, Entry};
use crate::columns;
use keywright_domain::standing::LicenseStatus;
use keywright_edge::ports::{Database, DatabaseError, Reader, Statement, decode};
use serde::Deserialize;
use serde_json::json;

/// A license as recorded, with the slug of its product.
#[derive(Debug, Clone, Deserialize)]
pub struct License {
    /// `UUIDv7`, also inside the key.
    pub id: String,
    /// The product.
    pub product_id: String,
    /// The product's name in URLs.
    pub product_slug: String,
    /// Its state.
    pub status: LicenseStatus,
    /// Unix seconds.
    pub issued_at: i64,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// Seconds after expiry in which it still validates.
    pub grace_seconds: i64,
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// What it unlocks.
    #[serde(deserialize_with = "columns::json")]
    pub entitlements: Vec<String>,
    /// Whether it is a trial.
    #[serde(deserialize_with = "columns::flag")]
    pub is_trial: bool,
}

/// A license with what entitles it, as the sign function reads it.
#[derive(Debug, Clone, Deserialize)]
pub struct Entitled {
    /// The license.
    #[serde(flatten)]
    pub license: License,
    /// Kind of its receipt: `btcpay`, `free` or `grant`.
    pub receipt_kind: Option<String>,
    /// Product of the receipt.
    pub receipt_product_id: Option<String>,
    /// State of the receipt's invoice, where it has one.
    pub invoice_status: Option<String>,
}

/// The license with this id: one round trip, all that validating needs.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(database: &Reader, id: &str) -> Result<Option<License>, DatabaseError> {
    let statement = Statement::new(
        "SELECT l.id, l.product_id, p.slug AS product_slug, l.status, l.issued_at, l.expires_at,
                l.grace_seconds, l.max_machines, l.entitlements, l.is_trial
         FROM licenses l JOIN products p ON p.id = l.product_id
         WHERE l.id = ?1",
        [id.into()],
    );
    database.first(statement).await
}

/// The license with this id and what entitles it: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn with_receipt(database: &Reader, id: &str) -> Result<Option<Entitled>, DatabaseError> {
    let statement = Statement::new(
        "SELECT l.id, l.product_id, p.slug AS product_slug, l.status, l.issued_at, l.expires_at,
                l.grace_seconds, l.max_machines, l.entitlements, l.is_trial,
                r.kind AS receipt_kind, r.product_id AS receipt_product_id,
                i.status AS invoice_status
         FROM licenses l
         JOIN products p ON p.id = l.product_id
         LEFT JOIN receipts r ON r.id = l.receipt_id
         LEFT JOIN invoices i ON i.id = r.invoice_id
         WHERE l.id = ?1",
        [id.into()],
    );
    database.first(statement).await
}

/// Revokes a license for good. Repeating it succeeds and changes nothing.
/// Answers whether there is such a license.
///
/// # Errors
/// [`DatabaseError`].
pub async fn revoke(
    database: &Database,
    actor: &Actor,
    id: &str,
    reason: &str,
    audit_id: String,
    event_id: &str,
) -> Result<bool, DatabaseError> {
    let update = Statement::new(
        "UPDATE licenses SET status = 'revoked', status_reason = ?2, updated_at = ?3
         WHERE id = ?1 AND status <> 'revoked'",
        [id.into(), reason.into(), actor.at.into()],
    );
    let entry = Entry {
        id: audit_id,
        action: "license.revoke",
        object_kind: "license",
        object_id: id.to_owned(),
        before: None,
        after: Some(json!({ "status": "revoked", "reason": reason })),
    };
    let event = json!({ "license_id": id, "reason": reason });
    let batch = vec![
        // First, while the row still says what it was.
        audit::insert_revoking(actor, entry),
        update,
        audit::event_if_changed(event_id, actor.at, "license.revoked", &event),
        Statement::new("SELECT id FROM licenses WHERE id = ?1", [id.into()]),
    ];
    let mut answers = database.batch(batch).await?;
    let found: Vec<serde_json::Value> = decode(answers.pop().unwrap_or_default())?;
    Ok(!found.is_empty())
}
