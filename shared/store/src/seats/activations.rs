//! Seats of a license: whether a machine has one, and giving it one.
//!
//! The statement that activates one also holds the limits, with the seats and
//! the state of the license's own row: two machines that ask at once for the
//! last seat cannot both get it, and none gets one of a license that was
//! revoked while it asked. Neither the machine nor its event needs an entry in
//! the audit table: nobody but the application acted, and the rows stay.

use crate::columns;
use crate::operator::audit;
use keywright_domain::seats::{ACTIVATION_WINDOW_SECONDS, RETURNS_PER_DAY, Seats};
use keywright_domain::standing::{CurrentKey, LicenseStatus};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::Deserialize;
use serde_json::json;

/// A license as recorded, with the seat of one machine: all that validating
/// and activating need, in one round trip.
#[derive(Debug, Clone, Deserialize)]
pub struct OnMachine {
    /// Id of the license.
    pub id: String,
    /// Its product.
    pub product_id: String,
    /// The product's name in URLs.
    pub product_slug: String,
    /// Its state, as the key sees it that was shown.
    pub status: LicenseStatus,
    /// Unix seconds.
    pub issued_at: i64,
    key_issued_at: CurrentKey,
    /// Unix seconds; `None` never.
    pub expires_at: Option<i64>,
    /// Seconds after expiry in which it still validates.
    pub grace_seconds: i64,
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// What it unlocks.
    #[serde(deserialize_with = "columns::json")]
    pub entitlements: Vec<String>,
    /// Whether it is a trial.
    #[serde(deserialize_with = "columns::flag")]
    pub is_trial: bool,
    /// The machine asked for, where it holds a seat.
    pub machine_id: Option<String>,
    /// Its last sign, in unix seconds.
    pub last_seen_at: Option<i64>,
    /// Machines that hold a seat; see [`Count`].
    pub active: i64,
    recent: i64,
    returns: i64,
    max_activations_per_day: Option<i64>,
    /// What the database says of the rate limit's bucket, where one was named:
    /// when it is full, in unix milliseconds.
    pub bucket_full_at: Option<i64>,
}

impl OnMachine {
    /// The seats, as the rules want them.
    #[must_use]
    pub fn seats(&self) -> Seats {
        Seats {
            max_machines: self.max_machines,
            max_activations_per_day: self.max_activations_per_day,
            active: self.active,
            recent: self.recent,
            returns: self.returns,
        }
    }
}

/// What to look up.
#[derive(Debug, Clone, Copy)]
pub struct LookUp<'a> {
    /// The license.
    pub license_id: &'a str,
    /// When the key that is shown was issued, in unix seconds.
    pub issued_at: i64,
    /// SHA-256 of a machine's fingerprint in lower-case hex.
    pub fingerprint_hash: Option<&'a str>,
    /// Unix seconds.
    pub now: i64,
    /// Whether to count the machines that hold a seat.
    pub count: Count,
    /// The bucket of a rate limit, to be read along.
    pub bucket: Option<&'a str>,
}

/// Whether to count the machines that hold a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Where the decision about the machine needs it; else 0.
    WhereNeeded,
    /// In any case, because the answer shows it.
    Always,
}

/// `?1` license, `?2` fingerprint hash or NULL, `?3` since when activations
/// count, `?4` whether to count in any case, `?5` bucket or NULL. What a machine that has its seat,
/// or no machine at all, does not need is not counted. The index is named, here
/// and elsewhere, because `SQLite` would count those freed long ago as well.
///
/// One text, because every column and every name costs the hosts more than the
/// reading of it. No joins: D1 plans a join with a parameter anew each time.
const ON_MACHINE: &str = "SELECT json_object(
       'id', l.id, 'product_id', l.product_id,
       'product_slug', (SELECT slug FROM products WHERE id = l.product_id),
       'status', l.status, 'issued_at', l.issued_at, 'key_issued_at', l.key_issued_at,
       'expires_at', l.expires_at,
       'grace_seconds', l.grace_seconds, 'max_machines', l.max_machines,
       'entitlements', l.entitlements, 'is_trial', l.is_trial,
       'machine_id', l.machine_id,
       'last_seen_at', (SELECT last_seen_at FROM machines WHERE id = l.machine_id),
       'active',
       CASE WHEN ?4 OR (?2 IS NOT NULL AND l.machine_id IS NULL AND l.max_machines > 0)
            THEN (SELECT count(*) FROM machines INDEXED BY machines_active
                  WHERE license_id = ?1 AND deactivated_at IS NULL)
            ELSE 0 END,
       'recent',
       CASE WHEN ?2 IS NOT NULL AND l.machine_id IS NULL
            THEN (SELECT count(DISTINCT fingerprint_hash) FROM machines
                  WHERE license_id = ?1 AND activated_at > ?3)
            ELSE 0 END,
       'returns',
       CASE WHEN ?2 IS NOT NULL AND l.machine_id IS NULL
            THEN (SELECT count(*) FROM machines
                  WHERE license_id = ?1 AND fingerprint_hash = ?2
                    AND (activated_at > ?3 OR deactivated_at > ?3))
            ELSE 0 END,
       'max_activations_per_day',
       coalesce(l.max_activations_per_day,
                (SELECT max_activations_per_day FROM policies WHERE id = l.policy_id)),
       'bucket_full_at', (SELECT full_at FROM rate_limits WHERE bucket = ?5)) AS found
     FROM (SELECT *, (SELECT id FROM machines
                      WHERE license_id = ?1 AND fingerprint_hash = ?2
                        AND deactivated_at IS NULL) AS machine_id
           FROM licenses WHERE id = ?1) l";

/// A row of [`ON_MACHINE`].
#[derive(Deserialize)]
struct OnMachineRow {
    #[serde(deserialize_with = "columns::json")]
    found: OnMachine,
}

impl OnMachineRow {
    /// The license as a key of this issue time sees it.
    fn seen_by(self, issued_at: i64) -> OnMachine {
        let found = self.found;
        let status = found.status.seen_by(Some(issued_at), found.key_issued_at);
        OnMachine { status, ..found }
    }
}

fn on_machine(asked: LookUp<'_>) -> Statement {
    Statement::new(
        ON_MACHINE,
        [
            asked.license_id.into(),
            asked.fingerprint_hash.into(),
            (asked.now - ACTIVATION_WINDOW_SECONDS).into(),
            (asked.count == Count::Always).into(),
            asked.bucket.into(),
        ],
    )
}

/// The license, and the seat of the machine where one is named: one round
/// trip. `None` for an unknown license.
///
/// # Errors
/// [`DatabaseError`].
pub async fn look_up(
    database: &Reader,
    asked: LookUp<'_>,
) -> Result<Option<OnMachine>, DatabaseError> {
    let row: Option<OnMachineRow> = database.first(on_machine(asked)).await?;
    Ok(row.map(|row| row.seen_by(asked.issued_at)))
}

/// A machine that asks for a seat.
#[derive(Debug, Clone, Copy)]
pub struct NewMachine<'a> {
    /// Its id, should it get in: a new `UUIDv7`.
    pub id: &'a str,
    /// Id of the event that tells of it.
    pub event_id: &'a str,
    /// The license.
    pub license_id: &'a str,
    /// When the key that is shown was issued, in unix seconds; `None` for a web site, which
    /// has shown what opens its download.
    pub key_issued_at: Option<i64>,
    /// SHA-256 of its fingerprint in lower-case hex.
    pub fingerprint_hash: &'a str,
    /// What it calls itself.
    pub hostname: Option<&'a str>,
    /// What it runs.
    pub platform: Option<&'a str>,
}

/// Activates a machine, unless it is active already or the license does not
/// let it in. Answers the license and the machine's seat as they are then, and
/// counts in any case: what they say is what decided.
///
/// # Errors
/// [`DatabaseError`]; then nothing was written, or all of it and the
/// connection was lost: running it again is right in both cases.
pub async fn activate(
    database: &Database,
    machine: NewMachine<'_>,
    now: i64,
) -> Result<Option<OnMachine>, DatabaseError> {
    // The daily limit is that of `domain::seats::activations_per_day`; a test
    // compares the two.
    let insert = Statement::new(
        "INSERT INTO machines (id, license_id, fingerprint_hash, hostname, platform,
                               activated_at, last_seen_at)
         SELECT ?1, l.id, ?3, ?4, ?5, ?6, ?6
         FROM (SELECT l.id, l.max_machines,
                      coalesce(l.max_activations_per_day, t.max_activations_per_day,
                               CASE l.max_machines WHEN 0 THEN 1000
                                                   ELSE max(10, 2 * l.max_machines) END) AS daily
               FROM licenses l LEFT JOIN policies t ON t.id = l.policy_id
               WHERE l.id = ?2 AND l.status = 'active'
                 AND (?9 IS NULL OR coalesce(l.key_issued_at <= ?9, 1))) l
         WHERE (l.max_machines = 0
                OR (SELECT count(*) FROM machines INDEXED BY machines_active
                    WHERE license_id = ?2 AND deactivated_at IS NULL) < l.max_machines)
           AND (l.daily = 0
                OR CASE (SELECT count(*) FROM machines
                         WHERE license_id = ?2 AND fingerprint_hash = ?3
                           AND (activated_at > ?7 OR deactivated_at > ?7))
                   WHEN 0 THEN (SELECT count(DISTINCT fingerprint_hash) FROM machines
                                WHERE license_id = ?2 AND activated_at > ?7) < l.daily
                   ELSE (SELECT count(*) FROM machines
                         WHERE license_id = ?2 AND fingerprint_hash = ?3
                           AND (activated_at > ?7 OR deactivated_at > ?7)) < ?8
                   END)
         ON CONFLICT DO NOTHING",
        [
            machine.id.into(),
            machine.license_id.into(),
            machine.fingerprint_hash.into(),
            machine.hostname.into(),
            machine.platform.into(),
            now.into(),
            (now - ACTIVATION_WINDOW_SECONDS).into(),
            RETURNS_PER_DAY.into(),
            machine.key_issued_at.into(),
        ],
    );
    let event = json!({
        "license_id": machine.license_id,
        "machine_id": machine.id,
        "fingerprint_hash": machine.fingerprint_hash,
    });
    let after = LookUp {
        license_id: machine.license_id,
        issued_at: machine.key_issued_at.unwrap_or(i64::MAX),
        fingerprint_hash: Some(machine.fingerprint_hash),
        now,
        count: Count::Always,
        bucket: None,
    };
    let issued_at = after.issued_at;
    let mut batch = Batch::new();
    batch.extend([
        insert,
        audit::event_if_changed(machine.event_id, now, EventType::MachineActivated, &event),
    ]);
    let after = batch.read::<OnMachineRow>(on_machine(after));
    let row = batch.run(database).await?.first(after)?;
    Ok(row.map(|row| row.seen_by(issued_at)))
}
