//! The audit table and the outgoing events. Both are written by the batch that
//! makes the change they tell of.

use crate::columns;
use keywright_domain::page::{Page, Position};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// Who does something, when, and in which request.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `operator`, `api_key:<id>`, `buyer`, `btcpay`, `zaprite` or `renew`.
    pub name: Cow<'static, str>,
    /// Unix seconds.
    pub at: i64,
    /// Id of the request, for the log; empty for a tick.
    pub request_id: String,
}

/// One entry. `before` and `after` hold no secret.
#[derive(Debug, Clone)]
pub struct AuditedChange {
    /// A new `UUIDv7`.
    pub id: String,
    /// What was done, such as `license.revoke`.
    pub action: &'static str,
    /// `product`, `policy`, `invoice`, `license`, `api_key`, `discount_code`,
    /// `redemption`, `release`, `upload`, `attention`, `merchant_profile`,
    /// `payment_provider` or `receipt`.
    pub object_kind: &'static str,
    /// Id of the object.
    pub object_id: String,
    /// The object before, where it existed.
    pub before: Option<Value>,
    /// The object after, where it still exists.
    pub after: Option<Value>,
}

/// An entry as recorded.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AuditEntry {
    /// `UUIDv7`.
    pub id: String,
    /// Unix seconds.
    pub at: i64,
    /// As [`Actor::name`].
    pub actor: String,
    /// What was done.
    pub action: String,
    /// What it was done to.
    pub object_kind: String,
    /// Id of the object.
    pub object_id: String,
    /// The object before, as far as it changed.
    #[serde(deserialize_with = "columns::optional_json")]
    pub before: Option<Value>,
    /// The object after, as far as it changed.
    #[serde(deserialize_with = "columns::optional_json")]
    pub after: Option<Value>,
    /// Id of the request.
    pub request_id: String,
    /// True when before and after were erased.
    #[serde(deserialize_with = "columns::flag")]
    pub is_erased: bool,
}

/// Which entries; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// This action.
    pub action: Option<String>,
    /// This actor.
    pub actor: Option<String>,
    /// This kind of object.
    pub object_kind: Option<String>,
    /// This object.
    pub object_id: Option<String>,
    /// This request.
    pub request_id: Option<String>,
    /// Not before this unix second.
    pub from: Option<i64>,
    /// Before this unix second.
    pub to: Option<i64>,
}

/// The statement that reads entries, newest first.
macro_rules! select_entries {
    ($object:literal) => {
        concat!(
            "SELECT id, at, actor, action, object_kind, object_id, before, after, request_id,
                    content_digest IS NOT NULL AS is_erased
             FROM audit WHERE ",
            $object,
            " AND (at, id) < (?3, ?4) AND at >= ?5
              AND (?6 IS NULL OR action = ?6) AND (?7 IS NULL OR actor = ?7)
              AND (?8 IS NULL OR request_id = ?8)
             ORDER BY at DESC, id DESC LIMIT ?9"
        )
    };
}

/// Entries, newest first; one more than the page holds when there are more.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    filter: &AuditFilter,
    page: &Page,
) -> Result<Vec<AuditEntry>, DatabaseError> {
    // What happened to one object is found by its index, anything else by time.
    let sql = if filter.object_kind.is_some() && filter.object_id.is_some() {
        select_entries!("object_kind = ?1 AND object_id = ?2")
    } else {
        select_entries!("(?1 IS NULL OR object_kind = ?1) AND (?2 IS NULL OR object_id = ?2)")
    };
    let after = page.after.clone().unwrap_or_else(Position::newest);
    // An end is a position too: the one before everything of that second.
    let after = match filter.to {
        Some(at) if at <= after.at => Position {
            at,
            id: String::new(),
        },
        _ => after,
    };
    let params = [
        filter.object_kind.as_ref().into(),
        filter.object_id.as_ref().into(),
        after.at.into(),
        after.id.into(),
        filter.from.unwrap_or_default().into(),
        filter.action.as_ref().into(),
        filter.actor.as_ref().into(),
        filter.request_id.as_ref().into(),
        (page.limit + 1).into(),
    ];
    database.query(Statement::new(sql, params)).await
}

/// The statement that writes an entry from what follows: values or a select,
/// in this file with the parameters `?1` to `?9` of [`params`].
macro_rules! insert_into_audit {
    ($($from:expr),+ $(,)?) => {
        concat!(
            "INSERT INTO audit (id, at, actor, action, object_kind, object_id, before, after,
                                request_id) ",
            $($from),+
        )
    };
}
pub(crate) use insert_into_audit;

/// Reads one row if this entry was written: then the rest of its batch took effect.
pub(crate) fn select_id(audit_id: &str) -> Statement {
    Statement::new("SELECT id FROM audit WHERE id = ?1", [audit_id.into()])
}

/// Writes an entry, unconditionally.
pub(crate) fn insert(actor: &Actor, entry: AuditedChange) -> Statement {
    Statement::new(
        insert_into_audit!("VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        params(actor, entry),
    )
}

/// Writes the entry of a new license, with what it promises on top of the
/// entry's own members, if it exists: its id is one that only the batch that
/// issued it could have chosen.
pub(crate) fn insert_issuing(actor: &Actor, entry: AuditedChange) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7,
                    json_patch(json_object('product_id', product_id, 'policy_id', policy_id,
                                           'expires_at', expires_at,
                                           'grace_seconds', grace_seconds,
                                           'maintenance_until', maintenance_until,
                                           'max_machines', max_machines,
                                           'entitlements', json(entitlements),
                                           'is_trial', json(iif(is_trial, 'true', 'false'))), ?8),
                    ?9
             FROM licenses WHERE id = ?6"
        ),
        params(actor, entry),
    )
}

/// Writes an entry if the statement before it in the batch changed a row.
pub(crate) fn insert_if_changed(actor: &Actor, entry: AuditedChange) -> Statement {
    Statement::new(
        insert_into_audit!("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE changes() > 0"),
        params(actor, entry),
    )
}

/// Writes the entry of an invoice that is about to be closed, with the state
/// before it; nothing when that is neither of `from`.
pub(crate) fn insert_closing(
    actor: &Actor,
    entry: AuditedChange,
    from: [&'static str; 2],
) -> Statement {
    let mut statement = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, coalesce(?7, json_object('status', status)), ?8, ?9
             FROM invoices WHERE id = ?6 AND status IN (?10, ?11)"
        ),
        params(actor, entry),
    );
    statement.params.extend(from.map(Into::into));
    statement
}

/// Writes the entry of an invoice whose step, the one with this id, was taken.
pub(crate) fn insert_of_step(actor: &Actor, entry: AuditedChange, step_id: &str) -> Statement {
    let mut statement = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
             FROM invoices WHERE id = ?6 AND step_id = ?10"
        ),
        params(actor, entry),
    );
    statement.params.push(step_id.into());
    statement
}

/// Writes the entry of a key that is about to be revoked; nothing when it is
/// revoked already or unknown.
pub(crate) fn insert_revoking_key(actor: &Actor, entry: AuditedChange) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
             FROM api_keys WHERE id = ?6 AND revoked_at IS NULL"
        ),
        params(actor, entry),
    )
}

fn params(actor: &Actor, entry: AuditedChange) -> [keywright_ports::Value; 9] {
    let text = |value: Option<Value>| value.map(|value| value.to_string());
    [
        entry.id.into(),
        actor.at.into(),
        actor.name.as_ref().into(),
        entry.action.into(),
        entry.object_kind.into(),
        entry.object_id.into(),
        text(entry.before).into(),
        text(entry.after).into(),
        actor.request_id.clone().into(),
    ]
}

/// Writes an outgoing event if the statement before it changed a row.
pub(crate) fn event_if_changed(
    id: &str,
    at: i64,
    event_type: EventType,
    data: &Value,
) -> Statement {
    Statement::new(
        "INSERT INTO events (id, at, event_type, data) SELECT ?1, ?2, ?3, ?4 WHERE changes() > 0",
        [
            id.into(),
            at.into(),
            event_type.as_str().into(),
            data.to_string().into(),
        ],
    )
}
