//! What changes of a published version: its channel, whether it is offered, to
//! how many, and what is said of it. Never its files.

use crate::difference::{self, Change, insert_difference};
use crate::operator::audit::Actor;
use crate::releases::versions::{BY_ID, Release};
use keywright_domain::release::{Channel, ReleaseKey};
use keywright_ports::{Database, DatabaseError, Statement, decode};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Another channel, with the signature of each file by its platform: what
    /// the vendor signs names the channel.
    pub channel: Option<(Channel, BTreeMap<String, NewSignature>)>,
    /// Why it is not offered any more; `Some(None)`: it is again.
    pub yank_reason: Option<Option<String>>,
    /// To how many in a hundred installations the feeds offer it.
    pub rollout_percent: Option<u8>,
    /// What is new; `Some(None)` for nothing.
    pub notes: Option<Option<String>>,
    /// An entitlement that a token must have; `Some(None)` for none.
    pub requires_entitlement: Option<Option<String>>,
}

/// A signature that a release key stands behind.
#[derive(Debug, Clone, Serialize)]
pub struct NewSignature {
    /// The whole signature file.
    pub signature: String,
    /// The key that it verified under.
    pub verified_by: ReleaseKey,
}

/// The row as the members of a change name it; no row, and so no change, when
/// the channel would change and a file would keep the signature of the old one,
/// or get one of a key that does not stand any more.
const DIFFERENCE: &str = insert_difference!(
    "SELECT id, json_object('channel', channel, 'yank_reason', yank_reason,
            'rollout_percent', rollout_percent, 'notes', notes,
            'requires_entitlement', requires_entitlement) AS doc
     FROM releases WHERE id = ?6
       AND (coalesce(?7 ->> '$.channel', channel) = channel
            OR NOT EXISTS (SELECT 1 FROM release_files f
                           WHERE f.release_id = ?6
                             AND f.platform NOT IN (SELECT key
                                                    FROM json_each(?7, '$.signatures')))
            AND NOT EXISTS (SELECT 1 FROM json_each(?7, '$.signatures') s
                            WHERE s.value ->> '$.verified_by' NOT IN (
                                SELECT public_key FROM release_keys
                                WHERE product_id = releases.product_id)))"
);

/// Changes a release and answers it as it now is, and whether something
/// changed; `None` for an unknown id. When the channel is not what was asked
/// for afterwards, a file without a new signature has come meanwhile.
///
/// # Errors
/// [`DatabaseError`].
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &Changes,
    audit_id: &str,
    event_id: &str,
) -> Result<Option<(Release, bool)>, DatabaseError> {
    let members = changes.as_json();
    let change = Change {
        audit_id,
        action: "release.change",
        object_kind: "release",
        object_id: id,
        members: &members,
    };
    // The entry names the channel only when it is another one.
    let signatures = difference::update(
        "UPDATE release_files SET
           signature = (SELECT value ->> '$.signature' FROM json_each(?2, '$.signatures')
                        WHERE key = platform),
           verified_by = (SELECT value ->> '$.verified_by' FROM json_each(?2, '$.signatures')
                          WHERE key = platform)
         WHERE release_id = ?1
           AND EXISTS (SELECT 1 FROM audit WHERE id = ?4
                       AND json_type(after, '$.channel') IS NOT NULL)",
        actor,
        &change,
    );
    let update = difference::update(
        "UPDATE releases SET
           channel = coalesce(?2 ->> '$.channel', channel),
           yanked_at = iif(json_type(?2, '$.yank_reason') IS NULL, yanked_at,
                           iif(?2 ->> '$.yank_reason' IS NULL, NULL, coalesce(yanked_at, ?3))),
           yank_reason = iif(json_type(?2, '$.yank_reason') IS NULL, yank_reason,
                             ?2 ->> '$.yank_reason'),
           rollout_percent = coalesce(?2 ->> '$.rollout_percent', rollout_percent),
           notes = iif(json_type(?2, '$.notes') IS NULL, notes, ?2 ->> '$.notes'),
           requires_entitlement = iif(json_type(?2, '$.requires_entitlement') IS NULL,
                                      requires_entitlement, ?2 ->> '$.requires_entitlement'),
           revision = revision + 1, updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        actor,
        &change,
    );
    let batch = vec![
        difference::entry(DIFFERENCE, actor, &change),
        signatures,
        update,
        // Tells what changed and nothing of the signatures.
        Statement::new(
            "INSERT INTO events (id, at, event_type, data)
             SELECT ?1, ?2, 'release.changed',
                    json_object('release_id', object_id, 'changes', json(after))
             FROM audit WHERE id = ?3",
            [event_id.into(), actor.at.into(), audit_id.into()],
        ),
        Statement::new(
            "SELECT EXISTS (SELECT 1 FROM audit WHERE id = ?1) AS changed",
            [audit_id.into()],
        ),
        Statement::new(BY_ID, [id.into()]),
    ];
    let mut answers = database.batch(batch).await?;
    let release: Option<Release> = decode(answers.pop().unwrap_or_default())?.pop();
    let changed = answers.pop().unwrap_or_default();
    let changed = changed.first().is_some_and(|row| row["changed"] == 1);
    Ok(release.map(|release| (release, changed)))
}

impl Changes {
    fn as_json(&self) -> Value {
        let (channel, signatures) = self.channel.clone().unzip();
        difference::members([
            ("channel", channel.map(|channel| json!(channel))),
            ("signatures", signatures.map(|signatures| json!(signatures))),
            ("yank_reason", self.yank_reason.clone().map(Value::from)),
            ("rollout_percent", self.rollout_percent.map(Value::from)),
            ("notes", self.notes.clone().map(Value::from)),
            (
                "requires_entitlement",
                self.requires_entitlement.clone().map(Value::from),
            ),
        ])
    }
}
