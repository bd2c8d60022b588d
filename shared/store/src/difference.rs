//! A change that says exactly what it changes. The new values come as one JSON
//! object; the entry in the audit table has those members that differ from the
//! row, before and after. No member differs: no entry, and whatever follows in
//! the batch does nothing, because it asks for the entry:
//! `EXISTS (SELECT 1 FROM audit WHERE id = …)`.

use crate::events::announcement;
use crate::operator::audit::Actor;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What came of a change. `R` says why the batch refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeOutcome<T, R> {
    /// The object as it now is. What changes nothing writes nothing.
    Changed(T),
    /// The batch refused the change and wrote nothing.
    Refused(R),
    /// There is no such object.
    Unknown,
}

/// Why a batch refuses a change: the column `refusal`, null where it does not.
#[derive(Deserialize)]
pub(crate) struct Decision<R> {
    pub(crate) refusal: Option<R>,
}

/// The statements of one kind of change.
pub(crate) struct ChangeSql {
    /// Selects `refusal` of the object `?1` for the new values `?2`. The statement of
    /// [`insert_difference`] holds the same expression, so that the two agree.
    pub(crate) refusal: &'static str,
    /// The entry, made with [`insert_difference`].
    pub(crate) difference: &'static str,
    /// The change, with the parameters of [`update`].
    pub(crate) update: &'static str,
    /// Reads the object `?1`.
    pub(crate) row: &'static str,
}

/// Makes a change in one batch and says what came of it.
pub(crate) async fn run<T: DeserializeOwned, R: DeserializeOwned>(
    database: &Database,
    actor: &Actor,
    change: &Change<'_>,
    sql: &ChangeSql,
) -> Result<ChangeOutcome<T, R>, DatabaseError> {
    let mut batch = Batch::new();
    let decision = batch.read::<Decision<R>>(decision(sql.refusal, change));
    batch.write(entry(sql.difference, actor, change));
    batch.write(update(sql.update, actor, change));
    batch.write(announcement::of_entry(change.audit_id));
    let row = batch.read::<T>(Statement::new(sql.row, [change.object_id.into()]));
    let mut rows = batch.run(database).await?;
    Ok(match rows.first(decision)? {
        None => ChangeOutcome::Unknown,
        Some(Decision {
            refusal: Some(refusal),
        }) => ChangeOutcome::Refused(refusal),
        Some(Decision { refusal: None }) => ChangeOutcome::Changed(rows.one(row)?),
    })
}

/// The statement that reads the [`Decision`] on a change, before it is made.
pub(crate) fn decision(sql: &'static str, change: &Change<'_>) -> Statement {
    let params = [change.object_id.into(), change.members.to_string().into()];
    Statement::new(sql, params)
}

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
    ($($row:expr),+ $(,)?) => {
        $crate::operator::audit::insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, ?5, ?6,
                    json_group_object(was.key, o.doc -> was.fullkey),
                    json_group_object(was.key, ?7 -> was.fullkey), ?8
             FROM (",
            $($row,)+
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

/// Members with the cap that a refusal compares with, as `$.cap`. The row has no member of
/// that name, so it is neither part of a difference nor written.
pub(crate) fn with_cap(mut members: Value, cap: Option<i64>) -> Value {
    if let (Some(members), Some(cap)) = (members.as_object_mut(), cap) {
        members.insert("cap".to_owned(), cap.into());
    }
    members
}

/// The members that a change names, for [`Change::members`].
pub(crate) fn members<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
