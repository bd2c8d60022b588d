//! Machines that hold a seat: when they were last seen, freeing one, listing them.
//! How a machine gets its seat is in [`crate::seats::activations`].

use keywright_domain::standing::CurrentKey;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Statement};
use serde::{Deserialize, Serialize};

/// Most machines of a license that are listed.
pub const MOST_LISTED: i64 = 1_000;

/// The machine with this fingerprint hash, where it holds a seat of this
/// license, whatever became of the license; and the bucket of a rate limit.
/// One round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find_active(
    database: &Reader,
    license_id: &str,
    fingerprint_hash: &str,
    bucket: &str,
) -> Result<Found, DatabaseError> {
    let statement = Statement::new(
        "SELECT m.id, m.last_seen_at,
                (SELECT full_at FROM rate_limits WHERE bucket = ?3) AS bucket_full_at,
                (SELECT key_issued_at FROM licenses WHERE id = ?1) AS key_issued_at
         FROM (SELECT 1)
         LEFT JOIN machines m
           ON m.license_id = ?1 AND m.fingerprint_hash = ?2 AND m.deactivated_at IS NULL",
        [license_id.into(), fingerprint_hash.into(), bucket.into()],
    );
    let row: Option<FoundRow> = database.first(statement).await?;
    Ok(row.map_or_else(Found::default, FoundRow::found))
}

/// What was found of a machine.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The machine, where it holds a seat.
    pub machine: Option<ActiveMachine>,
    /// When the bucket is full, in unix milliseconds, where it has a row.
    pub bucket_full_at: Option<i64>,
    /// The license's current key.
    pub current_key: CurrentKey,
}

#[derive(Deserialize)]
struct FoundRow {
    id: Option<String>,
    last_seen_at: Option<i64>,
    bucket_full_at: Option<i64>,
    key_issued_at: CurrentKey,
}

impl FoundRow {
    fn found(self) -> Found {
        let machine = self.id.zip(self.last_seen_at);
        Found {
            machine: machine.map(|(id, last_seen_at)| ActiveMachine { id, last_seen_at }),
            bucket_full_at: self.bucket_full_at,
            current_key: self.key_issued_at,
        }
    }
}

/// A machine that holds a seat.
#[derive(Debug, Clone)]
pub struct ActiveMachine {
    /// `UUIDv7`.
    pub id: String,
    /// Its last sign, in unix seconds.
    pub last_seen_at: i64,
}

/// When a machine that holds a seat was last seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastSeen {
    /// The machine.
    pub machine_id: String,
    /// What it calls itself, where it says so.
    pub hostname: Option<String>,
    /// What it runs, where it says so.
    pub platform: Option<String>,
    /// Unix seconds.
    pub at: i64,
}

/// Writes signs, however many, with one statement. Late or repeated, none
/// takes a later one back.
#[must_use]
pub fn refresh(signs: &[&LastSeen]) -> Statement {
    // A list of texts and numbers can always be written as JSON.
    let signs = serde_json::to_string(signs).unwrap_or_default();
    Statement::new(
        "UPDATE machines SET last_seen_at = sign.value ->> 'at',
                             hostname = coalesce(sign.value ->> 'hostname', hostname),
                             platform = coalesce(sign.value ->> 'platform', platform)
         FROM json_each(?1) AS sign
         WHERE machines.id = sign.value ->> 'machine_id' AND deactivated_at IS NULL
           AND last_seen_at < sign.value ->> 'at'",
        [signs.into()],
    )
}

/// Which machine of a license is meant.
#[derive(Debug, Clone, Copy)]
pub enum MachineSelector<'a> {
    /// The one with this fingerprint hash.
    Fingerprint(&'a str),
    /// The one with this id.
    Id(&'a str),
}

/// What became of a machine whose seat was to be freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deactivation {
    /// It holds no seat.
    Free,
    /// The license never had such a machine.
    UnknownMachine,
    /// The key that was shown was replaced; nothing changed.
    KeyReplaced,
}

/// Frees the seat of a machine, for a key of this issue time. Repeating it succeeds and
/// changes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn deactivate(
    database: &Database,
    license_id: &str,
    issued_at: i64,
    selector: MachineSelector<'_>,
    reason: &str,
    event_id: &str,
    now: i64,
) -> Result<Deactivation, DatabaseError> {
    #[derive(Deserialize)]
    struct After {
        machine_id: Option<String>,
        key_issued_at: CurrentKey,
    }
    let (fingerprint_hash, id) = match selector {
        MachineSelector::Fingerprint(hash) => (Some(hash), None),
        MachineSelector::Id(id) => (None, Some(id)),
    };
    let mut batch = Batch::new();
    batch.extend([
        // First, while the row still holds its seat.
        Statement::new(
            "INSERT INTO events (id, at, event_type, data)
             SELECT ?4, ?5, ?7,
                    json_object('license_id', license_id, 'machine_id', id, 'reason', ?6)
             FROM machines
             WHERE license_id = ?1 AND (fingerprint_hash = ?2 OR id = ?3)
               AND deactivated_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM licenses WHERE id = ?1 AND key_issued_at > ?8)",
            [
                license_id.into(),
                fingerprint_hash.into(),
                id.into(),
                event_id.into(),
                now.into(),
                reason.into(),
                EventType::MachineDeactivated.as_str().into(),
                issued_at.into(),
            ],
        ),
        Statement::new(
            "UPDATE machines SET deactivated_at = ?4, deactivation_reason = ?5
             WHERE license_id = ?1 AND (fingerprint_hash = ?2 OR id = ?3)
               AND deactivated_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM licenses WHERE id = ?1 AND key_issued_at > ?6)",
            [
                license_id.into(),
                fingerprint_hash.into(),
                id.into(),
                now.into(),
                reason.into(),
                issued_at.into(),
            ],
        ),
    ]);
    let after = batch.read::<After>(Statement::new(
        "SELECT (SELECT id FROM machines
                 WHERE license_id = ?1 AND (fingerprint_hash = ?2 OR id = ?3)
                 LIMIT 1) AS machine_id,
                (SELECT key_issued_at FROM licenses WHERE id = ?1) AS key_issued_at",
        [license_id.into(), fingerprint_hash.into(), id.into()],
    ));
    let after = batch.run(database).await?.one(after)?;
    Ok(if after.key_issued_at.replaces(Some(issued_at)) {
        Deactivation::KeyReplaced
    } else if after.machine_id.is_some() {
        Deactivation::Free
    } else {
        Deactivation::UnknownMachine
    })
}

/// A machine as its license's holder sees it.
#[derive(Debug, Clone, Deserialize)]
pub struct Machine {
    /// `UUIDv7`.
    pub id: String,
    /// SHA-256 of its fingerprint in lower-case hex.
    pub fingerprint_hash: String,
    /// What it calls itself.
    pub hostname: Option<String>,
    /// What it runs.
    pub platform: Option<String>,
    /// Unix seconds.
    pub activated_at: i64,
    /// Unix seconds.
    pub last_seen_at: i64,
}

/// The machines that hold a seat of a license.
#[derive(Debug, Clone)]
pub struct MachinesOfLicense {
    /// Machines at once; 0 is unlimited.
    pub max_machines: i64,
    /// How many hold a seat.
    pub active: i64,
    /// Those activated last come first; at most [`MOST_LISTED`].
    pub machines: Vec<Machine>,
    /// The license's current key.
    pub current_key: CurrentKey,
}

/// A row of the license, with one of its machines where it has any.
#[derive(Deserialize)]
struct Listed {
    key_issued_at: CurrentKey,
    max_machines: i64,
    active: i64,
    id: Option<String>,
    fingerprint_hash: Option<String>,
    hostname: Option<String>,
    platform: Option<String>,
    activated_at: Option<i64>,
    last_seen_at: Option<i64>,
}

impl Listed {
    fn machine(self) -> Option<Machine> {
        Some(Machine {
            id: self.id?,
            fingerprint_hash: self.fingerprint_hash?,
            hostname: self.hostname,
            platform: self.platform,
            activated_at: self.activated_at?,
            last_seen_at: self.last_seen_at?,
        })
    }
}

/// The license's seats and who holds them, in one round trip; `None` for an
/// unknown license.
///
/// # Errors
/// [`DatabaseError`].
pub async fn of_license(
    database: &Reader,
    license_id: &str,
) -> Result<Option<MachinesOfLicense>, DatabaseError> {
    let statement = Statement::new(
        "SELECT l.key_issued_at, l.max_machines,
                (SELECT count(*) FROM machines INDEXED BY machines_active
                 WHERE license_id = ?1 AND deactivated_at IS NULL) AS active,
                m.id, m.fingerprint_hash, m.hostname, m.platform, m.activated_at, m.last_seen_at
         FROM licenses l
         LEFT JOIN machines m INDEXED BY machines_active
           ON m.license_id = l.id AND m.deactivated_at IS NULL
         WHERE l.id = ?1
         ORDER BY m.activated_at DESC, m.id DESC
         LIMIT ?2",
        [license_id.into(), MOST_LISTED.into()],
    );
    let rows: Vec<Listed> = database.query(statement).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(MachinesOfLicense {
        max_machines: first.max_machines,
        active: first.active,
        current_key: first.key_issued_at,
        machines: rows.into_iter().filter_map(Listed::machine).collect(),
    }))
}
