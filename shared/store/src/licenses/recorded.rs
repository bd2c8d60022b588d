//! What was sold.

use crate::columns;
use keywright_domain::entitlement::{ReceiptKind, SignableReceipt, SignableRecord};
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::standing::{CurrentKey, LicenseStatus};
use keywright_ports::receipt_keys::{ReceiptFacts, ReceiptKeys, Seal};
use keywright_ports::{DatabaseError, Reader, Statement};
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
    /// Its current key.
    pub key_issued_at: CurrentKey,
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
    /// Its receipt.
    #[serde(flatten)]
    pub receipt: LicenseReceipt,
    /// State of the receipt's invoice, where it has one.
    pub invoice_status: Option<InvoiceStatus>,
    /// What opens its downloads; `None` for a moment, for a license older than
    /// download ids.
    pub download_id: Option<String>,
}

/// The receipt of a license, as it is recorded; nothing where there is none.
#[derive(Debug, Clone, Deserialize)]
pub struct LicenseReceipt {
    receipt_id: Option<String>,
    receipt_kind: Option<String>,
    receipt_external_ref: Option<String>,
    receipt_invoice_id: Option<String>,
    receipt_product_id: Option<String>,
    receipt_amount: Option<i64>,
    receipt_currency: Option<String>,
    receipt_received_at: Option<i64>,
    /// What shows that it is genuine.
    #[serde(deserialize_with = "columns::json")]
    pub seals: Vec<Seal>,
}

impl Entitled {
    /// Converts this row into what the rule of the sign function decides by.
    #[must_use]
    pub fn signable(&self, keys: &ReceiptKeys) -> SignableRecord<'_> {
        SignableRecord {
            product_id: &self.license.product_id,
            status: self.license.status,
            receipt: self.receipt().map(|receipt| SignableReceipt {
                kind: ReceiptKind::parse(receipt.kind),
                product_id: receipt.product_id,
                seal: keys.check(&receipt, &self.receipt.seals),
                invoice: self.invoice_status,
            }),
        }
    }

    /// Every member of the receipt; `None` where there is none.
    #[must_use]
    pub fn receipt(&self) -> Option<ReceiptFacts<'_>> {
        let receipt = &self.receipt;
        Some(ReceiptFacts {
            id: receipt.receipt_id.as_deref()?,
            kind: receipt.receipt_kind.as_deref()?,
            external_ref: receipt.receipt_external_ref.as_deref()?,
            invoice_id: receipt.receipt_invoice_id.as_deref(),
            product_id: receipt.receipt_product_id.as_deref()?,
            amount: receipt.receipt_amount?,
            currency: receipt.receipt_currency.as_deref()?,
            received_at: receipt.receipt_received_at?,
            license_id: &self.license.id,
        })
    }
}

/// The columns of an [`Entitled`], from licenses `l`, products `p`, receipts `r`,
/// invoices `i` and download ids `d`.
macro_rules! entitled_columns {
    () => {
        concat!(
            "l.id, l.product_id, p.slug AS product_slug, l.status, l.issued_at, l.key_issued_at,
             l.expires_at, l.grace_seconds, l.max_machines, l.maintenance_until, l.entitlements, l.is_trial,
             r.id AS receipt_id, r.kind AS receipt_kind, r.external_ref AS receipt_external_ref,
             r.invoice_id AS receipt_invoice_id, r.product_id AS receipt_product_id,
             r.amount AS receipt_amount, r.currency AS receipt_currency,
             r.received_at AS receipt_received_at, ",
            crate::sales::receipts::seals!(),
            " AS seals, i.status AS invoice_status, d.download_id"
        )
    };
}
pub(crate) use entitled_columns;

/// The statement that answers, as `id`, which of these licenses are in force: what
/// opens another one is shown to nobody. `ids` is a list in JSON.
#[must_use]
pub fn licenses_in_force(ids: &str) -> Statement {
    Statement::new(
        "SELECT id FROM licenses
         WHERE status = 'active' AND id IN (SELECT value FROM json_each(?1))",
        [ids.into()],
    )
}

/// The license with this id: one round trip, all that validating needs.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(database: &Reader, id: &str) -> Result<Option<License>, DatabaseError> {
    let statement = Statement::new(
        "SELECT l.id, l.product_id, p.slug AS product_slug, l.status, l.issued_at, l.key_issued_at,
                l.expires_at, l.grace_seconds, l.max_machines, l.maintenance_until, l.entitlements, l.is_trial
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
        concat!(
            "SELECT ",
            entitled_columns!(),
            " FROM licenses l
             JOIN products p ON p.id = l.product_id
             LEFT JOIN receipts r ON r.id = l.receipt_id
             LEFT JOIN invoices i ON i.id = r.invoice_id
             LEFT JOIN download_ids d ON d.license_id = l.id
             WHERE l.id = ?1"
        ),
        [id.into()],
    );
    database.first(statement).await
}
