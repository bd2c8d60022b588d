//! One license with all that belongs to it.

use crate::columns;
use crate::licenses::license_list::{Listed, listed_columns};
use keywright_domain::money::Price;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A license, what entitles it, and its machines.
#[derive(Debug, Clone, Deserialize)]
pub struct Detail {
    /// The license.
    #[serde(flatten)]
    pub license: Listed,
    /// What entitles it.
    #[serde(deserialize_with = "columns::json")]
    pub receipt: Receipt,
    /// The purchase, where it was bought.
    #[serde(deserialize_with = "columns::optional_json")]
    pub invoice: Option<Invoice>,
    /// What opens its downloads; `None` for a moment, for a license older than
    /// download ids.
    pub download_id: Option<String>,
    /// The machines that hold a seat now, the newest first, at most
    /// [`MAX_MACHINES`].
    #[serde(deserialize_with = "columns::json")]
    pub machines: Vec<Machine>,
}

/// Most machines that come with a license; the list of machines has them all.
pub const MAX_MACHINES: usize = 100;

/// What entitles a license.
#[derive(Debug, Clone, Deserialize)]
pub struct Receipt {
    /// `UUIDv7`.
    pub id: String,
    /// The kind of receipt, such as `btcpay`.
    pub kind: String,
    /// What was paid: the provider's invoice, the free invoice or the grant.
    pub external_ref: String,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// `SAT`, `USD` or `EUR`.
    pub currency: String,
    /// Unix seconds.
    pub received_at: i64,
}

/// The purchase of a license.
#[derive(Debug, Clone, Deserialize)]
pub struct Invoice {
    /// Our id.
    pub id: String,
    /// Where the purchase stands.
    pub status: String,
    /// Who took the payment, such as `btcpay`.
    pub provider: String,
    /// The provider's id.
    pub provider_invoice_id: Option<String>,
    /// What was paid.
    #[serde(flatten)]
    pub price: Price,
    /// The price before any discount, in the same currency.
    pub base_price_amount: i64,
    /// What was paid in sats; 0 where the provider did not say.
    pub amount_sats: i64,
    /// The price before any discount at the same rate.
    pub base_price_sats: i64,
    /// Where the buyer can be reached.
    pub buyer_email: Option<String>,
    /// What the buyer wrote.
    pub buyer_note: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub settled_at: Option<i64>,
}

/// A machine that holds a seat.
#[derive(Debug, Clone, Deserialize)]
pub struct Machine {
    /// `UUIDv7`.
    pub id: String,
    /// SHA-256 of its fingerprint, in lower-case hex.
    pub fingerprint_hash: String,
    /// As the application named it.
    pub hostname: Option<String>,
    /// As the application named it.
    pub platform: Option<String>,
    /// Unix seconds.
    pub activated_at: i64,
    /// Unix seconds.
    pub last_seen_at: i64,
}

/// 100 is [`MAX_MACHINES`].
const DETAIL: &str = concat!(
    "SELECT ",
    listed_columns!(),
    ", json_object('id', r.id, 'kind', r.kind, 'external_ref', r.external_ref,
                   'amount', r.amount, 'currency', r.currency,
                   'received_at', r.received_at) AS receipt,
       CASE WHEN i.id IS NOT NULL THEN
         json_object('id', i.id, 'status', i.status, 'provider', i.provider,
                     'provider_invoice_id', i.provider_invoice_id,
                     'price_currency', i.price_currency,
                     'price_amount', coalesce(i.price_amount, i.amount_sats),
                     'base_price_amount', coalesce(i.base_price_amount, i.base_price_sats),
                     'amount_sats', i.amount_sats, 'base_price_sats', i.base_price_sats,
                     'buyer_email', i.buyer_email, 'buyer_note', i.buyer_note,
                     'created_at', i.created_at, 'settled_at', i.settled_at)
       END AS invoice,
       d.download_id,
       (SELECT json_group_array(json_object(
                 'id', m.id, 'fingerprint_hash', m.fingerprint_hash, 'hostname', m.hostname,
                 'platform', m.platform, 'activated_at', m.activated_at,
                 'last_seen_at', m.last_seen_at))
        FROM (SELECT * FROM machines
              WHERE license_id = l.id AND deactivated_at IS NULL
              ORDER BY activated_at DESC, id DESC LIMIT 100) AS m) AS machines
     FROM licenses l
     JOIN products p ON p.id = l.product_id
     JOIN receipts r ON r.id = l.receipt_id
     LEFT JOIN invoices i ON i.id = r.invoice_id
     LEFT JOIN policies o ON o.id = l.policy_id
     LEFT JOIN download_ids d ON d.license_id = l.id
     WHERE l.id = ?1"
);

/// The statement that reads one license whole.
pub(crate) fn select(id: &str) -> Statement {
    Statement::new(DETAIL, [id.into()])
}

/// One license whole: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(database: &Reader, id: &str) -> Result<Option<Detail>, DatabaseError> {
    database.first(select(id)).await
}
