//! What an operator has to look at, until somebody says it is done.

use crate::columns;
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::invoice::Attention;
use keywright_domain::page::{Page, Position};
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::{Value, json};

/// Something to look at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AttentionItem {
    /// `UUIDv7`.
    pub id: String,
    /// Unix seconds; the last time it happened.
    pub at: i64,
    /// What it is, such as `paid_late`.
    pub kind: String,
    /// What it is about: `invoice` or `payment_provider`.
    pub object_kind: String,
    /// Id of that.
    pub object_id: String,
    /// What was known when it happened.
    #[serde(deserialize_with = "columns::json")]
    pub details: Value,
    /// Unix seconds; `None` while it is open.
    pub resolved_at: Option<i64>,
    /// Who said that it is done.
    pub resolved_by: Option<String>,
}

/// Records that an invoice needs somebody, if its step was taken. What was
/// resolved before is open again.
pub(crate) fn of_invoice(
    actor: &Actor,
    kind: Attention,
    invoice_id: &str,
    step_id: &str,
    id: &str,
) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?1, ?2, ?3, 'invoice', id,
                json_object('status', status, 'payment', payment_state,
                            'amount_sats', amount_sats, 'price_currency', price_currency,
                            'price_value', coalesce(price_amount, amount_sats),
                            'paid_amount', paid_amount,
                            'paid_currency', paid_currency,
                            'provider_invoice_id', provider_invoice_id,
                            'product_id', product_id, 'buyer_email', buyer_email)
         FROM invoices WHERE id = ?4 AND step_id = ?5
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details,
                       resolved_at = NULL, resolved_by = NULL",
        [
            id.into(),
            actor.at.into(),
            kind.as_str().into(),
            invoice_id.into(),
            step_id.into(),
        ],
    )
}

/// Closes what else is open about an invoice that needs somebody for this now, if its
/// step was taken: the newest item says where the invoice stands.
pub(crate) fn superseded(
    actor: &Actor,
    kind: Attention,
    invoice_id: &str,
    step_id: &str,
) -> Statement {
    Statement::new(
        "UPDATE attention SET resolved_at = ?1, resolved_by = ?2
         WHERE kind IN ('underpaid', 'paid_late', 'overpaid', 'paid_invalid', 'withdrawn')
           AND kind <> ?3 AND object_kind = 'invoice' AND resolved_at IS NULL
           AND object_id = (SELECT id FROM invoices WHERE id = ?4 AND step_id = ?5)",
        [
            actor.at.into(),
            actor.name.as_ref().into(),
            kind.as_str().into(),
            invoice_id.into(),
            step_id.into(),
        ],
    )
}

/// Closes what was open about an invoice that is settled after all, if its step
/// was taken.
pub(crate) fn settled(actor: &Actor, invoice_id: &str, step_id: &str) -> Statement {
    Statement::new(
        "UPDATE attention SET resolved_at = ?1, resolved_by = ?2
         WHERE kind IN ('underpaid', 'paid_late', 'paid_invalid', 'withdrawn')
           AND object_kind = 'invoice' AND resolved_at IS NULL
           AND object_id = (SELECT id FROM invoices WHERE id = ?3 AND step_id = ?4)",
        [
            actor.at.into(),
            actor.name.as_ref().into(),
            invoice_id.into(),
            step_id.into(),
        ],
    )
}

/// What there is, newest first; one more than the page holds when there is
/// more. `open` leaves out what is resolved.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    open: bool,
    page: &Page,
) -> Result<Vec<AttentionItem>, DatabaseError> {
    let after = page.after.clone().unwrap_or_else(Position::newest);
    let sql = if open {
        "SELECT id, at, kind, object_kind, object_id, details, resolved_at, resolved_by
         FROM attention
         WHERE resolved_at IS NULL AND (at, id) < (?1, ?2)
         ORDER BY at DESC, id DESC LIMIT ?3"
    } else {
        "SELECT id, at, kind, object_kind, object_id, details, resolved_at, resolved_by
         FROM attention
         WHERE (at, id) < (?1, ?2)
         ORDER BY at DESC, id DESC LIMIT ?3"
    };
    let params = [after.at.into(), after.id.into(), (page.limit + 1).into()];
    database.query(Statement::new(sql, params)).await
}

/// Marks it as done, with the audit entry. Answers it; `None` for an unknown
/// id. Repeating it changes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn resolve(
    database: &Database,
    actor: &Actor,
    id: &str,
    audit_id: &str,
) -> Result<Option<AttentionItem>, DatabaseError> {
    let update = Statement::new(
        "UPDATE attention SET resolved_at = ?2, resolved_by = ?3
         WHERE id = ?1 AND resolved_at IS NULL",
        [id.into(), actor.at.into(), actor.name.as_ref().into()],
    );
    let entry = AuditedChange {
        id: audit_id.to_owned(),
        action: "attention.resolve",
        object_kind: "attention",
        object_id: id.to_owned(),
        before: Some(json!({ "resolved": false })),
        after: Some(json!({ "resolved": true })),
    };
    let select = Statement::new(
        "SELECT id, at, kind, object_kind, object_id, details, resolved_at, resolved_by
         FROM attention WHERE id = ?1",
        [id.into()],
    );
    let mut batch = Batch::new();
    batch.extend([update, audit::insert_if_changed(actor, entry)]);
    let item = batch.read(select);
    batch.run(database).await?.first(item)
}
