//! One attempt at a request that carries an `Idempotency-Key`. The first batch of
//! the attempt that changes anything also claims the key, in the same transaction,
//! and every batch fails as a whole when the key is another attempt's: so the
//! request's change happens once, whatever crashes, and a request that changes
//! nothing leaves no row.

use super::database::{DatabaseError, Row, Statement};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// How long a key belongs to its request, in seconds.
pub const KEEP_SECONDS: i64 = 86_400;
/// After so many seconds an attempt counts as crashed: no host lets a request
/// run longer than 30.
pub const ABANDONED_SECONDS: i64 = 60;

/// Claims the key. `applied` gets a value that its CHECK refuses when the key is
/// another attempt's, unless its day is over, or a release before this one left
/// it behind before it wrote anything. `changes_before` is how many rows the
/// connection had changed until then.
const CLAIM: &str =
    "INSERT INTO idempotency_keys (id, body_hash, attempt, applied, started_at, expires_at,
                                   changes_before)
     VALUES (?1, ?2, ?3, 1, ?4, ?4 + ?5, total_changes())
     ON CONFLICT (id) DO UPDATE SET
       applied = CASE WHEN attempt = excluded.attempt OR expires_at <= ?4
                        OR (applied = 0 AND answer IS NULL AND started_at <= ?4 - ?6
                            AND body_hash = excluded.body_hash)
                      THEN 1 ELSE 2 END,
       body_hash = excluded.body_hash, attempt = excluded.attempt, answer = NULL,
       started_at = excluded.started_at, expires_at = excluded.expires_at,
       changes_before = excluded.changes_before";

/// Takes the claim back when nothing was changed since, but for the claim itself.
const UNCLAIM: &str = "DELETE FROM idempotency_keys
     WHERE id = ?1 AND attempt = ?2 AND changes_before + 1 = total_changes()
     RETURNING id";

/// The attempt, shared between its request and the database's handle.
#[derive(Debug)]
pub struct Attempt {
    /// Id of the key's row.
    row: String,
    /// Hash of the request's body.
    body_hash: String,
    /// Id of this attempt.
    id: String,
    /// Unix seconds.
    started_at: i64,
    progress: AtomicU8,
    is_handed_on: AtomicBool,
}

const NOTHING: u8 = 0;
const APPLIED: u8 = 1;
const SUPERSEDED: u8 = 2;

impl Attempt {
    /// A new attempt: id of the key's row, hash of the request's body, id of the
    /// attempt, and the time in unix seconds.
    #[must_use]
    pub fn new(row: String, body_hash: String, id: String, started_at: i64) -> Arc<Self> {
        Arc::new(Self {
            row,
            body_hash,
            id,
            started_at,
            progress: AtomicU8::new(NOTHING),
            is_handed_on: AtomicBool::new(false),
        })
    }

    /// The attempt, for the database that its request changes things with
    /// ([`Database::within`](crate::Database::within)).
    #[must_use]
    pub fn hand_on(self: &Arc<Self>) -> Arc<Self> {
        self.is_handed_on.store(true, Ordering::Relaxed);
        self.clone()
    }

    /// Whether [`Self::hand_on`] was called. A handler that takes no attempt would make
    /// its change again when the request is repeated.
    #[must_use]
    pub fn is_handed_on(&self) -> bool {
        self.is_handed_on.load(Ordering::Relaxed)
    }

    /// The batch with what claims the key around it. The claim comes first and
    /// what takes it back last, so that nothing comes between a statement and its
    /// `changes()`.
    pub fn around(&self, mut batch: Vec<Statement>) -> Vec<Statement> {
        let claim = Statement::new(
            CLAIM,
            [
                self.row.as_str().into(),
                self.body_hash.as_str().into(),
                self.id.as_str().into(),
                self.started_at.into(),
                KEEP_SECONDS.into(),
                ABANDONED_SECONDS.into(),
            ],
        );
        batch.insert(0, claim);
        if !self.is_applied() {
            let params = [self.row.as_str().into(), self.id.as_str().into()];
            batch.push(Statement::new(UNCLAIM, params));
        }
        batch
    }

    /// Takes note of how a batch of [`Self::around`] ended; answers what the
    /// batch itself answered.
    pub fn outcome(
        &self,
        outcome: Result<Vec<Vec<Row>>, DatabaseError>,
    ) -> Result<Vec<Vec<Row>>, DatabaseError> {
        match outcome {
            Ok(mut answers) => {
                answers.remove(0);
                if !self.is_applied() {
                    let unclaimed = answers.pop().unwrap_or_default();
                    if unclaimed.is_empty() {
                        self.progress.store(APPLIED, Ordering::Relaxed);
                    }
                }
                Ok(answers)
            }
            Err(error) => {
                if matches!(&error, DatabaseError::Constraint(text) if text.contains("applied IN (0, 1)"))
                {
                    self.progress.store(SUPERSEDED, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }

    /// Id of this attempt.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether a batch of this attempt has changed something.
    pub fn is_applied(&self) -> bool {
        self.progress.load(Ordering::Relaxed) == APPLIED
    }

    /// Whether another attempt has taken over.
    pub fn is_superseded(&self) -> bool {
        self.progress.load(Ordering::Relaxed) == SUPERSEDED
    }
}
