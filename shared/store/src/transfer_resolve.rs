//! What an operator does about a transfer that pays nothing by itself.

use crate::audit::{self, Actor, Entry};
use crate::settle::{self, NewIds, Paid};
use crate::transfer_list::{Transfer, select_transfers};
use crate::transfers::{reference, settling};
use keywright_edge::ports::{Database, DatabaseError, Reader, Stamps, Statement, decode};
use serde_json::json;

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It pays this order after all.
    Settled {
        /// The order.
        invoice_id: String,
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
}

/// New ids for one resolution.
#[derive(Debug, Clone)]
pub struct ResolveIds {
    step: String,
    audit: String,
    issued: NewIds,
}

impl ResolveIds {
    /// New ids.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            step: stamps.new_id(),
            audit: stamps.new_id(),
            issued: NewIds::new(stamps),
        }
    }
}

/// What came of it: the transfer as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The transfer.
    pub transfer: Transfer,
    /// Whether it is resolved as was asked, now or before.
    pub is_done: bool,
}

/// The transfer with this id.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<Transfer>, DatabaseError> {
    let statement = Statement::new(select_transfers!("WHERE id = ?1"), [id.into()]);
    database.first(statement).await
}

/// Resolves a transfer, with its audit entry; one that pays an order after all
/// settles it in the same batch. Only one that is left to the operator is resolved,
/// and only an order in USDC that is not settled; repeating it changes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn resolve(
    database: &Database,
    actor: &Actor,
    transfer: &Transfer,
    resolution: &Resolution,
    note: Option<&str>,
    ids: &ResolveIds,
) -> Result<Resolved, DatabaseError> {
    let order = match resolution {
        Resolution::Settled { invoice_id } => Some(invoice_id.as_str()),
        Resolution::Refunded | Resolution::Ignored => None,
    };
    let changed = Statement::new(
        "UPDATE chain_transfers
         SET state = 'resolved', resolution = ?2, resolution_note = ?3, resolved_at = ?4,
             resolved_by = ?5, invoice_id = coalesce(?6, invoice_id)
         WHERE id = ?1 AND state = 'unmatched'
           AND (?6 IS NULL
                OR reason <> 'wrong_token'
                   AND EXISTS (SELECT 1 FROM invoices
                               WHERE id = ?6 AND provider = 'polygon'
                                 AND status IN ('pending', 'expired')))",
        [
            (&transfer.id).into(),
            resolution.as_str().into(),
            note.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            order.into(),
        ],
    );
    let entry = Entry {
        id: ids.audit.clone(),
        action: "transfer.resolve",
        object_kind: "transfer",
        object_id: transfer.id.clone(),
        before: Some(json!({ "state": transfer.state, "reason": transfer.reason })),
        after: Some(
            json!({ "resolution": resolution.as_str(), "invoice_id": order,
            "note": note }),
        ),
    };
    let mut batch = vec![changed, audit::insert_if_changed(actor, entry)];
    let external_ref = reference(transfer.chain_id, &transfer.tx_hash, transfer.log_index);
    if let Some(invoice_id) = order {
        batch.extend(settling(
            invoice_id,
            transfer.amount_units,
            actor.at,
            &ids.step,
        ));
        let paid_at = transfer.block_time.unwrap_or(actor.at);
        let paid = Paid {
            invoice_id,
            kind: "polygon",
            external_ref: &external_ref,
            received: Some((transfer.amount_units, "USDC", paid_at)),
        };
        batch.extend(settle::issuing(actor, paid, &ids.issued));
    }
    batch.push(Statement::new(
        "UPDATE attention SET resolved_at = ?2, resolved_by = ?3
         WHERE object_kind = 'transfer' AND object_id = ?1 AND resolved_at IS NULL
           AND 'resolved' = (SELECT state FROM chain_transfers WHERE id = ?1)",
        [
            (&transfer.id).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
        ],
    ));
    let found = select_transfers!("WHERE id = ?1");
    batch.push(Statement::new(found, [(&transfer.id).into()]));
    let mut answers = database.batch(batch).await?;
    let found: Vec<Transfer> = decode(answers.pop().unwrap_or_default())?;
    let now = found.into_iter().next().unwrap_or_else(|| transfer.clone());
    let is_done = now.state == "resolved"
        && now.resolution.as_deref() == Some(resolution.as_str())
        && order.is_none_or(|order| now.invoice_id.as_deref() == Some(order));
    Ok(Resolved {
        transfer: now,
        is_done,
    })
}
