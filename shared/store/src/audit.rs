//! The audit table and the outgoing events. Both are written by the batch that
//! makes the change they tell of.

use keywright_edge::ports::Statement;
use serde_json::Value;
use std::borrow::Cow;

/// Who does something, when, and in which request.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `operator`, `api_key:<id>`, `buyer`, `btcpay` or `renew`.
    pub name: Cow<'static, str>,
    /// Unix seconds.
    pub at: i64,
    /// Id of the request, for the log; empty for a tick.
    pub request_id: String,
}

/// One entry. `before` and `after` hold no secret.
#[derive(Debug, Clone)]
pub struct Entry {
    /// A new `UUIDv7`.
    pub id: String,
    /// What was done, such as `license.revoke`.
    pub action: &'static str,
    /// `product`, `policy`, `invoice` or `license`.
    pub object_kind: &'static str,
    /// Id of the object.
    pub object_id: String,
    /// The object before, where it existed.
    pub before: Option<Value>,
    /// The object after, where it still exists.
    pub after: Option<Value>,
}

/// The statement that writes an entry from what follows: values or a select,
/// whose parameters `?1` to `?9` are those of [`params`].
macro_rules! insert_into_audit {
    ($from:literal) => {
        concat!(
            "INSERT INTO audit (id, at, actor, action, object_kind, object_id, before, after,
                                request_id) ",
            $from
        )
    };
}

/// Writes an entry, unconditionally.
pub(crate) fn insert(actor: &Actor, entry: Entry) -> Statement {
    Statement::new(
        insert_into_audit!("VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
        params(actor, entry),
    )
}

/// Writes an entry if the license exists: an id that only the batch that
/// issued the license could have chosen.
pub(crate) fn insert_if_license(actor: &Actor, entry: Entry) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
             WHERE EXISTS (SELECT 1 FROM licenses WHERE id = ?6)"
        ),
        params(actor, entry),
    )
}

/// Writes an entry if the statement before it in the batch changed a row.
pub(crate) fn insert_if_changed(actor: &Actor, entry: Entry) -> Statement {
    Statement::new(
        insert_into_audit!("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE changes() > 0"),
        params(actor, entry),
    )
}

/// Writes the entry of an invoice that is about to be closed, with the state
/// before it; nothing when that is neither of `from`.
pub(crate) fn insert_closing(actor: &Actor, entry: Entry, from: [&'static str; 2]) -> Statement {
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

fn params(actor: &Actor, entry: Entry) -> [keywright_edge::ports::Value; 9] {
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
    event_type: &'static str,
    data: &Value,
) -> Statement {
    Statement::new(
        "INSERT INTO events (id, at, event_type, data) SELECT ?1, ?2, ?3, ?4 WHERE changes() > 0",
        [
            id.into(),
            at.into(),
            event_type.into(),
            data.to_string().into(),
        ],
    )
}
