//! What an operator does about a transfer that pays nothing by itself.

use crate::chain::transfer_crediting::settling;
use crate::chain::transfer_list::{TransferRecord, select_transfers};
use crate::chain::transfers::reference;
use crate::events::announcement;
use crate::operator::audit::{self, Actor, AuditedChange};
use crate::sales::settle::{self, IssueIds, PaymentFacts};
use crate::subscriptions::order_link::{OrderSubscription, subscription_columns};
use keywright_domain::dates::rfc3339;
use keywright_domain::entitlement::ReceiptKind;
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Stamps, Statement};
use serde::Deserialize;
use serde_json::json;

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It pays this order after all.
    Settled {
        /// The order.
        invoice_id: String,
        /// From when the license runs, in unix seconds.
        license_from: i64,
    },
    /// It was sent back.
    Refunded,
    /// Nothing.
    Ignored,
}

impl Resolution {
    /// The word in the database and on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Settled { .. } => "settled",
            Self::Refunded => "refunded",
            Self::Ignored => "ignored",
        }
    }

    /// The order that it pays.
    #[must_use]
    pub fn invoice_id(&self) -> Option<&str> {
        match self {
            Self::Settled { invoice_id, .. } => Some(invoice_id),
            Self::Refunded | Self::Ignored => None,
        }
    }
}

/// New ids for one resolution.
#[derive(Debug, Clone)]
pub struct ResolveIds {
    step: String,
    audit: String,
    issued: IssueIds,
}

impl ResolveIds {
    /// New ids.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            step: stamps.new_id(),
            audit: stamps.new_id(),
            issued: IssueIds::new(stamps),
        }
    }
}

/// What came of it: the transfer as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The transfer.
    pub transfer: TransferRecord,
    /// Whether it is resolved as was asked, now or before.
    pub is_done: bool,
}

/// A transfer and the order that it is to pay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resolvable {
    /// The transfer.
    #[serde(flatten)]
    pub transfer: TransferRecord,
    /// The product of the order; `None` where there is no such order.
    pub order_product_id: Option<String>,
    /// What that order has to do with a subscription.
    #[serde(flatten)]
    pub order_subscription: OrderSubscription,
}

/// The transfer with this id, and what is known of the order that it is to pay.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(
    database: &Reader,
    id: &str,
    invoice_id: Option<&str>,
) -> Result<Option<Resolvable>, DatabaseError> {
    let statement = Statement::new(
        concat!(
            "SELECT t.*, i.product_id AS order_product_id, ",
            subscription_columns!("i"),
            " FROM (",
            select_transfers!("WHERE id = ?1"),
            ") AS t LEFT JOIN invoices i ON i.id = ?2"
        ),
        [id.into(), invoice_id.into()],
    );
    database.first(statement).await
}

/// Resolves a transfer in whatever state it is, with its audit entry: one that is not
/// judged yet, that is left to the operator, whose block was replaced, and one that was
/// resolved otherwise. One that pays an order after all settles it in the same batch.
/// Only one that has paid for a license stays as it is, and only an order in USDC that
/// is not settled is settled, with a license that has not ended already; repeating it
/// changes nothing. Where its block was replaced it stays so: found again, it is
/// resolved.
///
/// # Errors
/// [`DatabaseError`].
pub async fn resolve(
    database: &Database,
    actor: &Actor,
    found: &Resolvable,
    resolution: &Resolution,
    note: Option<&str>,
    ids: &ResolveIds,
    keys: &ReceiptKeys,
) -> Result<Resolved, DatabaseError> {
    let transfer = &found.transfer;
    let (order, license_from) = match resolution {
        Resolution::Settled {
            invoice_id,
            license_from,
        } => (Some(invoice_id.as_str()), Some(*license_from)),
        Resolution::Refunded | Resolution::Ignored => (None, None),
    };
    let changed = Statement::new(
        "UPDATE chain_transfers
         SET state = iif(state = 'reorged', 'reorged', 'resolved'),
             was = iif(state = 'reorged', 'resolved', NULL),
             resolution = ?2, resolution_note = ?3, resolved_at = ?4, resolved_by = ?5,
             invoice_id = coalesce(?6, invoice_id), license_from = ?7
         WHERE id = ?1
           AND (coalesce(was, state) IN ('seen', 'unmatched')
                OR coalesce(was, state) = 'resolved' AND resolution NOT IN ('settled', ?2))
           AND (?6 IS NULL
                OR EXISTS (SELECT 1 FROM invoices i JOIN usdc_orders o ON o.invoice_id = i.id
                           WHERE i.id = ?6 AND i.provider = 'polygon'
                             AND i.status IN ('pending', 'expired')
                             AND o.token = chain_transfers.token
                             AND o.chain_id = chain_transfers.chain_id
                             AND (i.duration_seconds = 0 OR ?7 + i.duration_seconds > ?4)))",
        [
            (&transfer.id).into(),
            resolution.as_str().into(),
            note.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            order.into(),
            license_from.into(),
        ],
    );
    let entry = AuditedChange {
        id: ids.audit.clone(),
        action: "transfer.resolve",
        object_kind: "transfer",
        object_id: transfer.id.clone(),
        before: Some(json!({
            "state": transfer.state, "reason": transfer.reason,
            "resolution": transfer.resolution,
        })),
        after: Some(json!({
            "resolution": resolution.as_str(), "invoice_id": order, "note": note,
            "license_from": license_from.map(rfc3339),
        })),
    };
    let mut batch = Batch::new();
    batch.write(changed);
    batch.write(audit::insert_if_changed(actor, entry));
    let external_ref = reference(transfer.chain_id, &transfer.tx_hash, transfer.log_index);
    if let (Some(invoice_id), Some(paid_at)) = (order, license_from) {
        let units = transfer.amount_units;
        // Behind the audit entry, which is written if the transfer was changed.
        batch.extend(settling(invoice_id, units, 0, actor.at, &ids.step));
        let paid = PaymentFacts {
            invoice_id,
            product_id: found.order_product_id.as_deref().unwrap_or_default(),
            kind: ReceiptKind::Polygon,
            external_ref: &external_ref,
            amount: transfer.amount_units,
            currency: "USDC",
            received_at: paid_at,
            has_code: true,
            subscription: &found.order_subscription,
        };
        batch.extend(settle::issuing(actor, paid, &ids.issued, keys));
    }
    batch.write(Statement::new(
        "UPDATE attention SET resolved_at = ?2, resolved_by = ?3
         WHERE object_kind = 'transfer' AND object_id = ?1 AND resolved_at IS NULL
           AND 'resolved' = (SELECT coalesce(was, state) FROM chain_transfers WHERE id = ?1)",
        [
            (&transfer.id).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
        ],
    ));
    batch.write(announcement::of_entry(&ids.audit));
    let found = select_transfers!("WHERE id = ?1");
    let found = batch.read::<TransferRecord>(Statement::new(found, [(&transfer.id).into()]));
    let now = batch.run(database).await?.one(found)?;
    let is_done = now.standing() == "resolved"
        && now.resolution.as_deref() == Some(resolution.as_str())
        && order.is_none_or(|order| now.invoice_id.as_deref() == Some(order));
    Ok(Resolved {
        transfer: now,
        is_done,
    })
}

/// For how long the license of an order runs, in seconds, 0 without an end; `None`
/// where there is no order in USDC that is not settled, or none in this token.
///
/// # Errors
/// [`DatabaseError`].
pub async fn duration(
    database: &Reader,
    transfer: &TransferRecord,
    invoice_id: &str,
) -> Result<Option<i64>, DatabaseError> {
    #[derive(Deserialize)]
    struct SoldRow {
        duration_seconds: i64,
    }
    let statement = Statement::new(
        "SELECT i.duration_seconds FROM invoices i JOIN usdc_orders o ON o.invoice_id = i.id
         WHERE i.id = ?1 AND i.status IN ('pending', 'expired') AND o.token = ?2
           AND o.chain_id = ?3",
        [
            invoice_id.into(),
            (&transfer.token).into(),
            transfer.chain_id.into(),
        ],
    );
    let sold: Option<SoldRow> = database.first(statement).await?;
    Ok(sold.map(|sold| sold.duration_seconds))
}
