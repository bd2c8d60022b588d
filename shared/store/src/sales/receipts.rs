//! Receipts and their seals. A receipt is written once, with its seal, by the batch
//! that settles; neither is ever changed or deleted.
//!
//! Every member is known before the batch and is a parameter of its statements, so
//! that the row that is written is the one that was sealed.

use crate::columns;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::entitlement::SealState;
use keywright_domain::page::Page;
use keywright_ports::receipt_keys::{ReceiptFacts, ReceiptKeys, Seal};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement, Value};
use serde::Deserialize;
use serde_json::json;

/// Writes the sealed receipt of a settled order. Nothing is written if the order is not
/// settled or is for another product, or if it or the same payment already has a receipt.
pub(crate) fn of_order(receipt: &ReceiptFacts<'_>, keys: &ReceiptKeys) -> Statement {
    Statement::new(
        "INSERT INTO receipts (id, kind, external_ref, invoice_id, product_id, amount, currency,
                               received_at, seal_key_id, seal_mac)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
         FROM invoices WHERE id = ?4 AND product_id = ?5 AND status = 'settled'
         ON CONFLICT DO NOTHING",
        params(receipt, keys),
    )
}

/// Writes the receipt of an operator's grant, sealed.
pub(crate) fn of_grant(receipt: &ReceiptFacts<'_>, keys: &ReceiptKeys) -> Statement {
    Statement::new(
        "INSERT INTO receipts (id, kind, external_ref, invoice_id, product_id, amount, currency,
                               received_at, seal_key_id, seal_mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params(receipt, keys),
    )
}

fn params(receipt: &ReceiptFacts<'_>, keys: &ReceiptKeys) -> [Value; 10] {
    let seal = keys.seal(receipt);
    [
        receipt.id.into(),
        receipt.kind.into(),
        receipt.external_ref.into(),
        receipt.invoice_id.into(),
        receipt.product_id.into(),
        receipt.amount.into(),
        receipt.currency.into(),
        receipt.received_at.into(),
        seal.key_id.into(),
        seal.mac.into(),
    ]
}

/// All seals of the receipt `r`, as a list in JSON.
macro_rules! seals {
    () => {
        "(SELECT json_group_array(json_object('key_id', s.key_id, 'mac', s.mac))
          FROM (SELECT r.seal_key_id AS key_id, r.seal_mac AS mac WHERE r.seal_mac IS NOT NULL
                UNION ALL
                SELECT a.key_id, a.mac FROM receipt_seals a WHERE a.receipt_id = r.id) AS s)"
    };
}
pub(crate) use seals;

/// A receipt in the operator's list.
#[derive(Debug, Clone, Deserialize)]
pub struct ListedReceipt {
    /// `UUIDv7`.
    pub id: String,
    /// The kind of receipt, such as `btcpay`.
    pub kind: String,
    /// The provider's id of the payment.
    pub external_ref: String,
    /// The order.
    pub invoice_id: Option<String>,
    /// The product.
    pub product_id: String,
    /// Its slug; `None` if no such product exists.
    pub product: Option<String>,
    /// In the smallest unit of the currency.
    pub amount: i64,
    /// The currency.
    pub currency: String,
    /// Unix seconds.
    pub received_at: i64,
    /// The license of this receipt and product.
    pub license_id: Option<String>,
    #[serde(deserialize_with = "columns::json")]
    seals: Vec<Seal>,
}

impl ListedReceipt {
    /// Every member; `None` without a license, because then there is nothing to seal.
    #[must_use]
    pub fn facts(&self) -> Option<ReceiptFacts<'_>> {
        Some(ReceiptFacts {
            id: &self.id,
            kind: &self.kind,
            external_ref: &self.external_ref,
            invoice_id: self.invoice_id.as_deref(),
            product_id: &self.product_id,
            amount: self.amount,
            currency: &self.currency,
            received_at: self.received_at,
            license_id: self.license_id.as_deref()?,
        })
    }

    /// The state of its seals; `None` without a license.
    #[must_use]
    pub fn seal_state(&self, keys: &ReceiptKeys) -> Option<SealState> {
        self.facts().map(|facts| keys.check(&facts, &self.seals))
    }
}

/// The statement that reads receipts for the operator.
macro_rules! select_receipts {
    ($rest:literal) => {
        concat!(
            "SELECT r.id, r.kind, r.external_ref, r.invoice_id, r.product_id, p.slug AS product,
                    r.amount, r.currency, r.received_at, l.id AS license_id, ",
            seals!(),
            " AS seals
             FROM receipts r
             LEFT JOIN products p ON p.id = r.product_id
             LEFT JOIN licenses l ON l.receipt_id = r.id AND l.product_id = r.product_id ",
            $rest
        )
    };
}

/// Receipts, newest first; one more than the page holds when there are more.
pub async fn list(database: &Reader, page: &Page) -> Result<Vec<ListedReceipt>, DatabaseError> {
    // Ids grow with time. Behind every id when there is no page before.
    let before = page.after.as_ref().map_or("~", |after| after.id.as_str());
    let statement = Statement::new(
        select_receipts!("WHERE r.id < ?1 ORDER BY r.id DESC LIMIT ?2"),
        [before.into(), (page.limit + 1).into()],
    );
    database.query(statement).await
}

/// The receipts with these ids, in no order.
pub async fn with_ids(
    database: &Reader,
    ids: &[&str],
) -> Result<Vec<ListedReceipt>, DatabaseError> {
    let ids = serde_json::Value::from(ids.to_vec()).to_string();
    let statement = Statement::new(
        select_receipts!("WHERE r.id IN (SELECT value FROM json_each(?1))"),
        [ids.into()],
    );
    database.query(statement).await
}

/// Seals recorded receipts with the newest key, as they were read: a receipt that has changed
/// since is left alone. The same batch writes one audit entry. Answers how many were sealed;
/// repeating it seals none.
pub async fn seal_recorded(
    database: &Database,
    actor: &Actor,
    receipts: &[ReceiptFacts<'_>],
    keys: &ReceiptKeys,
    audit_id: String,
) -> Result<usize, DatabaseError> {
    let Some(first) = receipts.first() else {
        return Ok(0);
    };
    let sealed = receipts.iter().map(|receipt| {
        json!({
            "id": receipt.id, "kind": receipt.kind, "external_ref": receipt.external_ref,
            "invoice_id": receipt.invoice_id, "product_id": receipt.product_id,
            "amount": receipt.amount, "currency": receipt.currency,
            "received_at": receipt.received_at, "license_id": receipt.license_id,
            "mac": keys.seal(receipt).mac,
        })
    });
    let list = serde_json::Value::from(sealed.collect::<Vec<_>>()).to_string();
    // `WHERE true` ends the joins for the parser, which would take ON for theirs.
    let insert = Statement::new(
        "INSERT INTO receipt_seals (receipt_id, key_id, mac, sealed_at)
         SELECT r.id, ?2, e.value ->> 'mac', ?3
         FROM json_each(?1) e
         JOIN receipts r ON r.id = e.value ->> 'id' AND r.kind = e.value ->> 'kind'
                        AND r.external_ref = e.value ->> 'external_ref'
                        AND r.invoice_id IS e.value ->> 'invoice_id'
                        AND r.product_id = e.value ->> 'product_id'
                        AND r.amount = e.value ->> 'amount'
                        AND r.currency = e.value ->> 'currency'
                        AND r.received_at = e.value ->> 'received_at'
         JOIN licenses l ON l.receipt_id = r.id AND l.id = e.value ->> 'license_id'
                        AND l.product_id = r.product_id
         WHERE true
         ON CONFLICT DO NOTHING
         RETURNING receipt_id",
        [list.into(), keys.newest_id().into(), actor.at.into()],
    );
    let ids: Vec<&str> = receipts.iter().map(|receipt| receipt.id).collect();
    let entry = AuditedChange {
        id: audit_id,
        action: "receipt.seal",
        object_kind: "receipt",
        object_id: first.id.to_owned(),
        before: Some(json!({ "receipt_ids": ids })),
        after: Some(json!({ "key_id": keys.newest_id(), "receipt_ids": ids })),
    };
    let mut batch = Batch::new();
    let sealed = batch.read::<Row>(insert);
    // Directly after the insertion: the entry is written if that changed anything.
    batch.write(audit::insert_if_changed(actor, entry));
    Ok(batch.run(database).await?.all(sealed)?.len())
}

/// Answers a row if one of the oldest receipts has no seal: receipts from before there were
/// seals are the oldest. Reads a fixed number of rows.
#[must_use]
pub fn unsealed() -> Statement {
    Statement::new(
        "SELECT r.id FROM (SELECT id, seal_mac FROM receipts ORDER BY id LIMIT 20) AS r
         WHERE r.seal_mac IS NULL AND NOT EXISTS (SELECT 1 FROM receipt_seals WHERE receipt_id = r.id)
         LIMIT 1",
        [],
    )
}
