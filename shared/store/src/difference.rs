//! A change that says exactly what it changes. The new values come as one JSON
//! object; the entry in the audit table has those members that differ from the
//! row, before and after. No member differs: no entry, and whatever follows in
//! the batch does nothing, because it asks for the entry:
//! `EXISTS (SELECT 1 FROM audit WHERE id = …)`.

use crate::operator::audit::Actor;
use keywright_ports::Statement;
use serde_json::Value;

/// What is changed by whom.
pub(crate) struct Change<'a> {
    /// A new `UUIDv7`.
    pub(crate) audit_id: &'a str,
    /// What is done, such as `license.change`.
    pub(crate) action: &'static str,
    /// `product`, `policy` or `license`.
    pub(crate) object_kind: &'static str,
    /// Id of the object.
    pub(crate) object_id: &'a str,
    /// The new values by the names of the row's document.
    pub(crate) members: &'a Value,
}

/// The statement that writes the entry. `$row` selects `id` and, as `doc`, the
/// row as a JSON object, where the id is `?6`.
macro_rules! insert_difference {
    ($row:literal) => {
        $crate::operator::audit::insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6,
                    json_group_object(was.key, o.doc -> was.fullkey),
                    json_group_object(was.key, ?7 -> was.fullkey), ?8
             FROM (",
            $row,
            ") AS o
             JOIN json_each(o.doc) AS was
             JOIN json_each(?7) AS wanted ON wanted.key = was.key
             WHERE was.value IS NOT wanted.value
             GROUP BY o.id"
        )
    };
}
pub(crate) use insert_difference;

/// The entry, by a statement of [`insert_difference`].
pub(crate) fn entry(sql: &'static str, actor: &Actor, change: &Change<'_>) -> Statement {
    Statement::new(
        sql,
        [
            change.audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            change.action.into(),
            change.object_kind.into(),
            change.object_id.into(),
            change.members.to_string().into(),
            (&actor.request_id).into(),
        ],
    )
}

/// The statement that makes the change, after that of [`entry`]: `?1` the
/// object, `?2` the new values, `?3` the time in unix seconds, `?4` the entry.
pub(crate) fn update(sql: &'static str, actor: &Actor, change: &Change<'_>) -> Statement {
    Statement::new(
        sql,
        [
            change.object_id.into(),
            change.members.to_string().into(),
            actor.at.into(),
            change.audit_id.into(),
        ],
    )
}

/// The members that a change names, for [`Change::members`].
pub(crate) fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
