//! Deletes audit entries that are older than the operator's retention. Only sealed ones
//! go, always from the beginning of the log, and an entry records up to where. Their
//! leaves stay. An entry that is missing already ends what is pruned, so that pruning covers
//! up nothing.

use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::audit_log::PRUNING;
use keywright_ports::Statement;

/// Most entries that one tick prunes.
const PER_TICK: i64 = 500;
/// Seconds by which an entry is older than it must be before a part of what a tick could
/// prune is worth an entry.
const PATIENCE: i64 = 86_400;

/// The statements that prune entries from before `before`, in unix seconds, with the entry
/// `audit_id`; nothing, unless as many are due as a tick prunes or the oldest one is due for
/// a day.
#[must_use]
pub fn prune(actor: &Actor, before: i64, audit_id: &str) -> [Statement; 3] {
    let record = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, 'audit', t.origin, NULL, json_object('pruned_to', d.pruned_to), ?5
             FROM audit_tree t
             JOIN (SELECT coalesce(min(iif(w.at >= ?6, w.position, NULL)),
                                   max(w.position) + 1) AS pruned_to,
                          min(w.at) AS oldest
                   FROM (SELECT l.position, coalesce(a.at, 9007199254740991) AS at
                         FROM audit_leaves l LEFT JOIN audit a ON a.sequence = l.sequence
                         WHERE l.position >= (SELECT pruned_to FROM audit_tree)
                           AND l.position < (SELECT signed_size FROM audit_tree)
                         ORDER BY l.position LIMIT ?7) AS w) AS d
             WHERE d.pruned_to = t.pruned_to + ?7
                OR (d.pruned_to > t.pruned_to AND d.oldest < ?6 - ?8)"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            PRUNING.into(),
            (&actor.request_id).into(),
            before.into(),
            PER_TICK.into(),
            PATIENCE.into(),
        ],
    );
    let moved = Statement::new(
        "UPDATE audit_tree SET pruned_to = (SELECT after ->> '$.pruned_to' FROM audit WHERE id = ?1)
         WHERE EXISTS (SELECT 1 FROM audit WHERE id = ?1)",
        [audit_id.into()],
    );
    let deleted = Statement::new(
        "DELETE FROM audit WHERE EXISTS (SELECT 1 FROM audit WHERE id = ?1)
           AND sequence <= (SELECT l.sequence FROM audit_leaves l
                            JOIN audit_tree t ON l.position = t.pruned_to - 1)",
        [audit_id.into()],
    );
    [record, moved, deleted]
}
