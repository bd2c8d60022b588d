//! Events that tell of what operators did, and of the attention list.
//!
//! An operator's change has an entry in the audit log, and its event is written from that
//! entry by the same batch. The data says what was changed and never to what: the feed is
//! read by keys that may not see every value.

use keywright_domain::webhook::event_type::{ANNOUNCED_ACTIONS, EventType};
use keywright_ports::Statement;
use serde_json::Value;

/// How many items of the attention list a tick announces.
const ITEMS_PER_TICK: i64 = 100;

/// As [`of_entries`], for one entry.
pub(crate) fn of_entry(audit_id: &str) -> Statement {
    of_entries(&[audit_id])
}

/// Writes the events of these entries of the audit log, as far as the batch wrote them and
/// [`ANNOUNCED_ACTIONS`] has their actions. An event has the id of its entry.
pub(crate) fn of_entries(audit_ids: &[&str]) -> Statement {
    let event_types: Value = ANNOUNCED_ACTIONS
        .iter()
        .map(|(action, event_type)| ((*action).to_owned(), Value::from(event_type.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    Statement::new(
        // The patch leaves out what is null.
        "INSERT INTO events (id, at, event_type, data)
         SELECT a.id, a.at, t.value, json_patch('{}', json_object(
                  a.object_kind || '_id', a.object_id,
                  'product_id', CASE a.object_kind
                    WHEN 'product' THEN a.object_id
                    WHEN 'policy' THEN coalesce(
                      a.before ->> '$.product_id',
                      (SELECT product_id FROM policies WHERE id = a.object_id))
                    WHEN 'discount_code' THEN coalesce(
                      a.before ->> '$.product_id',
                      (SELECT product_id FROM discount_codes WHERE id = a.object_id))
                    WHEN 'license' THEN
                      (SELECT product_id FROM licenses WHERE id = a.object_id) END,
                  'actor', a.actor,
                  'changed', CASE WHEN a.before IS NOT NULL AND a.after IS NOT NULL
                    THEN json((SELECT json_group_array(key)
                               FROM (SELECT key FROM json_each(a.after) ORDER BY key))) END))
         FROM json_each(?1) AS i CROSS JOIN audit a ON a.id = i.value
         JOIN json_each(?2) t ON t.key = a.action
         ORDER BY i.key",
        [
            Value::from(audit_ids).to_string().into(),
            event_types.to_string().into(),
        ],
    )
}

/// An item whose opening or end has no event yet. News of webhook endpoints is none: it
/// would only be more to deliver to endpoints that fail.
macro_rules! is_unannounced {
    () => {
        "(resolved_at IS NULL) = (announced_at IS NULL) AND object_kind <> 'webhook_endpoint'"
    };
}
pub(super) use is_unannounced;

/// The next of these items.
macro_rules! unannounced {
    () => {
        concat!(
            "SELECT id FROM attention WHERE ",
            is_unannounced!(),
            " ORDER BY at, id LIMIT ?1"
        )
    };
}

/// Writes the events of items that were opened or resolved since the last tick. `prefix`
/// are the first 24 characters of a new id.
#[must_use]
pub fn of_attention(now: i64, prefix: &str) -> [Statement; 2] {
    [
        Statement::new(
            concat!(
                "INSERT INTO events (id, at, event_type, data)
                 SELECT ?2 || substr(id, -12), coalesce(resolved_at, at),
                        iif(resolved_at IS NULL, ?3, ?4),
                        json_object('attention_id', id, 'kind', kind, 'object_kind', object_kind,
                                    'object_id', object_id)
                 FROM attention WHERE id IN (",
                unannounced!(),
                ") ORDER BY at, id"
            ),
            [
                ITEMS_PER_TICK.into(),
                prefix.into(),
                EventType::AttentionOpened.as_str().into(),
                EventType::AttentionResolved.as_str().into(),
            ],
        ),
        Statement::new(
            concat!(
                "UPDATE attention SET announced_at = iif(resolved_at IS NULL, ?2, NULL)
                 WHERE id IN (",
                unannounced!(),
                ")"
            ),
            [ITEMS_PER_TICK.into(), now.into()],
        ),
    ]
}
