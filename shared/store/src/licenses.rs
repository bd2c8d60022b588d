//! What was sold.

use crate::columns;
use keywright_domain::standing::LicenseStatus;
use keywright_edge::ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

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
    /// The last second of the last day whose builds are included, in unix
    /// seconds; `None` includes all.
    pub maintenance_until: Option<i64>,
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
    /// What opens its downloads; `None` for a moment, for a license older than
    /// download ids.
    pub download_id: Option<String>,
}

/// The license with this id: one round trip, all that validating needs.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(database: &Reader, id: &str) -> Result<Option<License>, DatabaseError> {
    let statement = Statement::new(
        "SELECT l.id, l.product_id, p.slug AS product_slug, l.status, l.issued_at, l.expires_at,
                l.grace_seconds, l.max_machines, l.maintenance_until, l.entitlements, l.is_trial
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
                l.grace_seconds, l.max_machines, l.maintenance_until, l.entitlements, l.is_trial,
                r.kind AS receipt_kind, r.product_id AS receipt_product_id,
                i.status AS invoice_status, d.download_id
         FROM licenses l
         JOIN products p ON p.id = l.product_id
         LEFT JOIN receipts r ON r.id = l.receipt_id
         LEFT JOIN invoices i ON i.id = r.invoice_id
         LEFT JOIN download_ids d ON d.license_id = l.id
         WHERE l.id = ?1",
        [id.into()],
    );
    database.first(statement).await
}
