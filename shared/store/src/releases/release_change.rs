//! What changes of a published version: its channel, whether it is offered, to
//! how many, and what is said of it. Never its files.

use crate::difference::{self, Change, ChangeOutcome, Decision, insert_difference};
use crate::operator::audit::{self, Actor};
use crate::releases::versions::{BY_ID, Release};
use keywright_domain::release::{Channel, ReleaseKey};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct ReleaseChanges {
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
    /// What the feeds of certain updaters need, all of it.
    pub metadata: Option<Map<String, Value>>,
}

/// A signature that a release key stands behind.
#[derive(Debug, Clone, Serialize)]
pub struct NewSignature {
    /// The whole signature file.
    pub signature: String,
    /// The key that it verified under.
    pub verified_by: ReleaseKey,
}

/// Why a release is not changed. Both concern a change of the channel, which needs a new
/// signature of every file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseRefusal {
    /// A file has no signature for the new channel.
    FileNotSigned,
    /// A signature is by a key that is not a release key of the product any more.
    KeyRemoved,
}

/// The name of the [`ReleaseRefusal`] of the new values `$members`, null for none.
macro_rules! refusal {
    ($members:literal) => {
        concat!(
            "CASE WHEN coalesce(",
            $members,
            " ->> '$.channel', channel) = channel THEN NULL
                  WHEN EXISTS (SELECT 1 FROM release_files f
                               WHERE f.release_id = releases.id
                                 AND f.platform NOT IN (
                                     SELECT key FROM json_each(",
            $members,
            ", '$.signatures')))
                  THEN 'file_not_signed'
                  WHEN EXISTS (SELECT 1 FROM json_each(",
            $members,
            ", '$.signatures') s
                               WHERE s.value ->> '$.verified_by' NOT IN (
                                   SELECT public_key FROM release_keys
                                   WHERE product_id = releases.product_id))
                  THEN 'key_removed' END"
        )
    };
}

const REFUSAL: &str = concat!(
    "SELECT ",
    refusal!("?2"),
    " AS refusal FROM releases WHERE id = ?1"
);

const DIFFERENCE: &str = insert_difference!(
    "SELECT id, json_object('channel', channel, 'yank_reason', yank_reason,
            'rollout_percent', rollout_percent, 'notes', notes,
            'requires_entitlement', requires_entitlement, 'metadata', json(metadata)) AS doc
     FROM releases WHERE id = ?6 AND ",
    refusal!("?7"),
    " IS NULL"
);

/// Changes a release. Answers it as it now is, and whether something changed.
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &ReleaseChanges,
    audit_id: &str,
    event_id: &str,
) -> Result<ChangeOutcome<(Release, bool), ReleaseRefusal>, DatabaseError> {
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
           metadata = coalesce(?2 ->> '$.metadata', metadata),
           revision = revision + 1, updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        actor,
        &change,
    );
    let mut batch = Batch::new();
    let decision = batch.read::<Decision<ReleaseRefusal>>(difference::decision(REFUSAL, &change));
    batch.write(difference::entry(DIFFERENCE, actor, &change));
    batch.extend([signatures, update]);
    // Names what changed, without the signatures.
    batch.write(Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?4,
                json_object('release_id', r.id, 'product_id', r.product_id, 'version', r.version,
                            'changes', json(a.after))
         FROM audit a JOIN releases r ON r.id = a.object_id WHERE a.id = ?3",
        [
            event_id.into(),
            actor.at.into(),
            audit_id.into(),
            EventType::ReleaseChanged.as_str().into(),
        ],
    ));
    let changed = batch.read::<Row>(audit::select_id(audit_id));
    let release = batch.read::<Release>(Statement::new(BY_ID, [id.into()]));
    let mut rows = batch.run(database).await?;
    Ok(match rows.first(decision)? {
        None => ChangeOutcome::Unknown,
        Some(Decision {
            refusal: Some(refusal),
        }) => ChangeOutcome::Refused(refusal),
        Some(Decision { refusal: None }) => {
            ChangeOutcome::Changed((rows.one(release)?, rows.any(changed)?))
        }
    })
}

impl ReleaseChanges {
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
            ("metadata", self.metadata.clone().map(Value::from)),
        ])
    }
}
