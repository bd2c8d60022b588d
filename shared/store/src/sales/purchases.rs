//! What a buyer sees of a purchase.

use crate::columns;
use crate::sales::invoices::{opened_by, opened_order};
use keywright_domain::invoice::{InvoiceStatus, PaymentState};
use keywright_domain::money::Price;
use keywright_domain::order::{OrderOpener, OrderProvider};
use keywright_domain::standing::LicenseStatus;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// What polling a purchase shows: the invoice and its license, where issued.
#[derive(Debug, Clone, Deserialize)]
pub struct Progress {
    /// The order's public id.
    pub id: String,
    /// How it is paid.
    pub provider: OrderProvider,
    /// Where the purchase stands.
    pub status: InvoiceStatus,
    /// What was paid.
    pub payment_state: PaymentState,
    /// What is bought.
    pub product_id: String,
    /// Its slug.
    pub product: String,
    /// Its name for people.
    pub product_name: String,
    /// What the buyer pays.
    #[serde(flatten)]
    pub price: Price,
    /// The same in sats; 0 while the provider has not converted it.
    pub amount_sats: i64,
    /// Where the buyer pays; empty until the provider has said so.
    pub checkout_url: String,
    /// The license, once the invoice settled.
    pub license_id: Option<String>,
    /// Its state.
    pub license_status: Option<LicenseStatus>,
}

/// A settled purchase whose license is active, with what its buyer may be shown
/// again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sale {
    /// Where the buyer can be reached, as given with the order.
    pub buyer_email: Option<String>,
    /// The license.
    pub license_id: String,
    /// Its product.
    pub product_id: String,
    /// The product's slug.
    pub product: String,
    /// Unix seconds.
    pub issued_at: i64,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// What it unlocks.
    #[serde(deserialize_with = "columns::json")]
    pub entitlements: Vec<String>,
}

/// What a buyer polls: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn progress(
    database: &Reader,
    opener: &OrderOpener,
) -> Result<Option<Progress>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT i.id, i.provider, i.status, i.payment_state, i.product_id, p.slug AS product,
                p.name AS product_name, i.price_currency,
                coalesce(i.price_amount, i.amount_sats) AS price_amount, i.amount_sats,
                i.checkout_url, l.id AS license_id, l.status AS license_status
         FROM invoices i
         JOIN products p ON p.id = i.product_id
         LEFT JOIN receipts r ON r.invoice_id = i.id
         LEFT JOIN licenses l ON l.receipt_id = r.id
         WHERE i.id = ",
            opened_order!()
        ),
        opened_by(opener),
    );
    database.first(statement).await
}

/// The settled purchase that this opens, if its license is active: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn sale(database: &Reader, opener: &OrderOpener) -> Result<Option<Sale>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT i.buyer_email, l.id AS license_id, l.product_id, p.slug AS product, l.issued_at,
                l.expires_at, l.entitlements
         FROM invoices i
         JOIN receipts r ON r.invoice_id = i.id
         JOIN licenses l ON l.receipt_id = r.id
         JOIN products p ON p.id = l.product_id
         WHERE i.status = 'settled' AND l.status = 'active' AND i.id = ",
            opened_order!()
        ),
        opened_by(opener),
    );
    database.first(statement).await
}
