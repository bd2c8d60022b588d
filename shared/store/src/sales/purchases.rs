//! Orders as their buyers see them.

use crate::columns;
use crate::sales::invoices::{opened_by, opened_order};
use keywright_domain::invoice::{InvoiceStatus, PaymentState};
use keywright_domain::money::Price;
use keywright_domain::order::{OrderOpener, OrderProvider};
use keywright_domain::standing::{CurrentKey, LicenseStatus};
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// An order for its buyer: the invoice and its license, if issued.
#[derive(Debug, Clone, Deserialize)]
pub struct OrderProgress {
    /// The order's public id.
    pub id: String,
    /// Who takes the payment.
    pub provider: OrderProvider,
    /// The state of its invoice.
    pub status: InvoiceStatus,
    /// What was paid.
    pub payment_state: PaymentState,
    /// The product.
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
    /// Where the buyer pays; empty until the provider has answered.
    pub checkout_url: String,
    /// The license, once the invoice settled.
    pub license_id: Option<String>,
    /// Its state.
    pub license_status: Option<LicenseStatus>,
    /// Its current key.
    pub key_issued_at: CurrentKey,
    /// When it expires, in unix seconds; `None` never, and before it is issued.
    pub expires_at: Option<i64>,
    /// The name of the policy, for people; `None` for a product without policies.
    pub policy_name: Option<String>,
    /// When it was ordered, in unix seconds.
    pub ordered_at: i64,
    /// Whether the product is an extension of Joomla.
    #[serde(deserialize_with = "columns::flag")]
    pub is_for_joomla: bool,
}

/// A settled order whose license is active.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SettledOrder {
    /// Where the buyer can be reached: the license's address, which the operator corrects.
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
    /// Whether the product is an extension of Joomla.
    #[serde(deserialize_with = "columns::flag")]
    pub is_for_joomla: bool,
}

/// Whether the product `p` is an extension of Joomla: one of its releases says what
/// Joomla reads, or its slug begins as the names of extensions do.
macro_rules! is_for_joomla {
    () => {
        "(p.slug GLOB 'com_*' OR p.slug GLOB 'mod_*' OR p.slug GLOB 'plg_*'
          OR p.slug GLOB 'tpl_*' OR p.slug GLOB 'pkg_*'
          OR EXISTS (SELECT 1 FROM releases v
                     WHERE v.product_id = p.id AND v.metadata -> '$.joomla' IS NOT NULL))
         AS is_for_joomla"
    };
}

/// The order that this opens: one round trip.
pub async fn progress(
    database: &Reader,
    opener: &OrderOpener,
) -> Result<Option<OrderProgress>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT i.id, i.provider, i.status, i.payment_state, i.product_id, p.slug AS product,
                p.name AS product_name, i.price_currency,
                coalesce(i.price_amount, i.amount_sats) AS price_amount, i.amount_sats,
                i.checkout_url, l.id AS license_id, l.status AS license_status,
                l.key_issued_at, l.expires_at,
                y.name AS policy_name, i.created_at AS ordered_at, ",
            is_for_joomla!(),
            "
         FROM invoices i
         JOIN products p ON p.id = i.product_id
         LEFT JOIN policies y ON y.id = i.policy_id
         LEFT JOIN receipts r ON r.invoice_id = i.id
         LEFT JOIN licenses l ON l.receipt_id = r.id
         WHERE i.id = ",
            opened_order!()
        ),
        opened_by(opener),
    );
    database.first(statement).await
}

/// The settled order that this opens, if its license is active: one round trip.
pub async fn settled_order(
    database: &Reader,
    opener: &OrderOpener,
) -> Result<Option<SettledOrder>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT l.buyer_email, l.id AS license_id, l.product_id, p.slug AS product, l.issued_at,
                l.expires_at, l.entitlements, ",
            is_for_joomla!(),
            "
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
