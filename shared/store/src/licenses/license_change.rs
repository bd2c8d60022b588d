//! What an operator changes of one license that was sold.

use crate::difference::{self, Change, insert_difference};
use crate::licenses::license_detail::{self, Detail};
use crate::operator::audit::Actor;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde_json::Value;

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Machines at once; 0 is unlimited. Machines beyond a lowered limit stay.
    pub max_machines: Option<i64>,
    /// What it unlocks.
    pub entitlements: Option<Vec<String>>,
    /// When it expires, in unix seconds; `Some(None)` never.
    pub expires_at: Option<Option<i64>>,
    /// Seconds after expiry in which it still validates.
    pub grace_seconds: Option<i64>,
    /// The last second of the last day whose builds are included, in unix
    /// seconds; `Some(None)` includes all.
    pub maintenance_until: Option<Option<i64>>,
    /// Whether it is a trial.
    pub is_trial: Option<bool>,
    /// Activations in 24 hours; 0 is unlimited, `Some(None)` as its policy says.
    pub max_activations_per_day: Option<Option<i64>>,
    /// Whom it is for.
    pub buyer_email: Option<Option<String>>,
    /// What the operator notes.
    pub note: Option<Option<String>>,
}

/// The row as the members of a change name it.
const DIFFERENCE: &str = insert_difference!(
    "SELECT id, json_object('max_machines', max_machines, 'entitlements', json(entitlements),
            'expires_at', expires_at, 'grace_seconds', grace_seconds,
            'maintenance_until', maintenance_until,
            'is_trial', json(iif(is_trial, 'true', 'false')),
            'max_activations_per_day', max_activations_per_day,
            'buyer_email', buyer_email, 'note', note) AS doc
     FROM licenses WHERE id = ?6"
);

/// A JSON object of the audit table with its times as the API writes them.
macro_rules! with_times {
    ($object:literal) => {
        concat!(
            "json_patch(",
            $object,
            ", (SELECT json_group_object(key, strftime(iif(key = 'expires_at',
                                                           '%Y-%m-%dT%H:%M:%SZ', '%Y-%m-%d'),
                                                       value, 'unixepoch'))
                FROM json_each(",
            $object,
            ") WHERE type = 'integer' AND key IN ('expires_at', 'maintenance_until')))"
        )
    };
}

/// Changes a license and answers it as it now is; `None` for an unknown id.
/// Each member is changed by itself, so two operators changing different
/// members both succeed. What changes nothing writes nothing.
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
) -> Result<Option<Detail>, DatabaseError> {
    let members = changes.as_json();
    let change = Change {
        audit_id,
        action: "license.change",
        object_kind: "license",
        object_id: id,
        members: &members,
    };
    let update = difference::update(
        "UPDATE licenses SET
           max_machines = coalesce(?2 ->> '$.max_machines', max_machines),
           entitlements = coalesce(?2 ->> '$.entitlements', entitlements),
           expires_at = iif(json_type(?2, '$.expires_at') IS NULL,
                            expires_at, ?2 ->> '$.expires_at'),
           grace_seconds = coalesce(?2 ->> '$.grace_seconds', grace_seconds),
           maintenance_until = iif(json_type(?2, '$.maintenance_until') IS NULL,
                                   maintenance_until, ?2 ->> '$.maintenance_until'),
           is_trial = coalesce(?2 ->> '$.is_trial', is_trial),
           max_activations_per_day = iif(json_type(?2, '$.max_activations_per_day') IS NULL,
                                         max_activations_per_day,
                                         ?2 ->> '$.max_activations_per_day'),
           buyer_email = iif(json_type(?2, '$.buyer_email') IS NULL,
                             buyer_email, ?2 ->> '$.buyer_email'),
           note = iif(json_type(?2, '$.note') IS NULL, note, ?2 ->> '$.note'),
           updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        actor,
        &change,
    );
    let event = Statement::new(
        concat!(
            "INSERT INTO events (id, at, event_type, data)
             SELECT ?1, ?2, ?4,
                    json_object('license_id', l.id, 'product_id', l.product_id, 'before', ",
            with_times!("a.before"),
            ", 'after', ",
            with_times!("a.after"),
            ") FROM audit a JOIN licenses l ON l.id = a.object_id
             WHERE a.id = ?3"
        ),
        [
            event_id.into(),
            actor.at.into(),
            audit_id.into(),
            EventType::LicenseChanged.as_str().into(),
        ],
    );
    let mut batch = Batch::new();
    batch.extend([difference::entry(DIFFERENCE, actor, &change), update, event]);
    // What is due of its subscription may be due at another time now.
    batch.write(Statement::new(
        "UPDATE subscriptions SET next_step_at = ?2
         WHERE license_id = ?1 AND state IN ('trialing', 'active', 'past_due')
           AND EXISTS (SELECT 1 FROM audit
                       WHERE id = ?3 AND json_type(after, '$.expires_at') IS NOT NULL)",
        [id.into(), actor.at.into(), audit_id.into()],
    ));
    let detail = batch.read(license_detail::select(id));
    batch.run(database).await?.first(detail)
}

impl Changes {
    fn as_json(&self) -> Value {
        difference::members([
            ("max_machines", self.max_machines.map(Value::from)),
            ("entitlements", self.entitlements.clone().map(Value::from)),
            ("expires_at", self.expires_at.map(Value::from)),
            ("grace_seconds", self.grace_seconds.map(Value::from)),
            ("maintenance_until", self.maintenance_until.map(Value::from)),
            ("is_trial", self.is_trial.map(Value::from)),
            (
                "max_activations_per_day",
                self.max_activations_per_day.map(Value::from),
            ),
            ("buyer_email", self.buyer_email.clone().map(Value::from)),
            ("note", self.note.clone().map(Value::from)),
        ])
    }
}
