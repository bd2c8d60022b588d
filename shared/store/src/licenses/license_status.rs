//! Suspending, unsuspending and revoking: the states of a license.

use crate::operator::audit::{Actor, insert_into_audit};
use crate::subscriptions::ending;
use keywright_domain::standing::LicenseStatus;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Stamps, Statement};
use serde::Deserialize;
use serde_json::json;

/// What an operator does to the state of a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusChange {
    /// Holds it back.
    Suspend,
    /// Puts it in force again.
    Unsuspend,
    /// Ends it for good.
    Revoke,
}

impl StatusChange {
    /// The state it leads to.
    #[must_use]
    pub fn to(self) -> LicenseStatus {
        match self {
            Self::Suspend => LicenseStatus::Suspended,
            Self::Unsuspend => LicenseStatus::Active,
            Self::Revoke => LicenseStatus::Revoked,
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Suspend => "license.suspend",
            Self::Unsuspend => "license.unsuspend",
            Self::Revoke => "license.revoke",
        }
    }

    fn event_type(self) -> EventType {
        match self {
            Self::Suspend => EventType::LicenseSuspended,
            Self::Unsuspend => EventType::LicenseUnsuspended,
            Self::Revoke => EventType::LicenseRevoked,
        }
    }
}

/// New ids for one change.
#[derive(Debug, Clone)]
pub struct StatusChangeIds {
    audit: String,
    event: String,
    subscription_event: String,
}

impl StatusChangeIds {
    /// All of them new.
    #[must_use]
    pub fn new(stamps: &Stamps) -> Self {
        Self {
            audit: stamps.new_id(),
            event: stamps.new_id(),
            subscription_event: stamps.new_id(),
        }
    }
}

#[derive(Deserialize)]
struct StatusRow {
    status: LicenseStatus,
}

/// Turns a license, if its state [may become] the one it leads to, with the
/// audit entry and the event, and its subscription with it. Answers the state it is in afterwards, `None`
/// for an unknown id; repeating it changes nothing.
///
/// [may become]: LicenseStatus::may_become
///
/// # Errors
/// [`DatabaseError`].
pub async fn set(
    database: &Database,
    actor: &Actor,
    id: &str,
    change: StatusChange,
    reason: Option<&str>,
    ids: &StatusChangeIds,
) -> Result<Option<LicenseStatus>, DatabaseError> {
    let (audit_id, event_id) = (ids.audit.as_str(), ids.event.as_str());
    let to = change.to();
    let from = LicenseStatus::ALL.map(|state| {
        if state.may_become(to) {
            state.as_str()
        } else {
            ""
        }
    });
    let after = json!({ "status": to, "reason": reason });
    // First, while the row still says what it was. The entry says whether the
    // rest may happen; see `difference`.
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, 'license', id, json_object('status', status), ?6, ?7
         FROM licenses WHERE id = ?5 AND status IN (?8, ?9, ?10)"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            change.action().into(),
            id.into(),
            after.to_string().into(),
            (&actor.request_id).into(),
            from[0].into(),
            from[1].into(),
            from[2].into(),
        ],
    );
    let update = Statement::new(
        "UPDATE licenses SET status = ?2, status_reason = ?3, updated_at = ?4
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?5)",
        [
            id.into(),
            to.as_str().into(),
            reason.into(),
            actor.at.into(),
            audit_id.into(),
        ],
    );
    let data = json!({ "license_id": id, "reason": reason.unwrap_or_default() });
    let event = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?3, ?4 FROM audit WHERE id = ?5",
        [
            event_id.into(),
            actor.at.into(),
            change.event_type().as_str().into(),
            data.to_string().into(),
            audit_id.into(),
        ],
    );
    let select = Statement::new("SELECT status FROM licenses WHERE id = ?1", [id.into()]);
    let mut batch = Batch::new();
    batch.extend([entry, update, event]);
    batch.extend(ending::license_changed(
        actor,
        audit_id,
        &ids.subscription_event,
    ));
    let select = batch.read::<StatusRow>(select);
    let license = batch.run(database).await?.first(select)?;
    Ok(license.map(|license| license.status))
}
