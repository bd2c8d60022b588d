//! What the last tick found out about mail.

use crate::columns;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

/// A fault of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct MailFault {
    /// The name to change.
    pub name: String,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// Mail as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MailStatus {
    /// Whether mail is on.
    #[serde(deserialize_with = "columns::flag")]
    pub is_on: bool,
    /// What is wrong with its configuration.
    #[serde(deserialize_with = "columns::json")]
    pub faults: Vec<MailFault>,
    /// Mails in 24 hours.
    pub per_day: i64,
    /// When a tick last looked, in unix seconds.
    pub ticked_at: Option<i64>,
    /// How many were handed over, or tried, in the last 24 hours.
    pub today: i64,
    /// How many wait.
    pub waiting: i64,
    /// How many are held.
    pub held: i64,
    /// When the oldest held one's fact happened, in unix seconds.
    pub held_since: Option<i64>,
}

/// Notes that mail is off, with what is wrong. Changes nothing where that is known.
#[must_use]
pub fn off(faults: &str) -> Statement {
    Statement::new(
        "UPDATE mail_state SET is_on = 0, faults = ?1 WHERE is_on <> 0 OR faults <> ?1",
        [faults.into()],
    )
}

/// What the last tick found wrong with the configuration of mail.
///
/// # Errors
/// [`DatabaseError`].
pub async fn faults(reader: &Reader) -> Result<Vec<MailFault>, DatabaseError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(deserialize_with = "columns::json")]
        faults: Vec<MailFault>,
    }
    let statement = Statement::new("SELECT faults FROM mail_state", []);
    let found: Option<Found> = reader.first(statement).await?;
    Ok(found.map(|found| found.faults).unwrap_or_default())
}

/// The status at `now`, in unix seconds: one round trip.
///
/// # Errors
/// [`DatabaseError`].
pub async fn status(reader: &Reader, now: i64) -> Result<Option<MailStatus>, DatabaseError> {
    let statement = Statement::new(
        "SELECT s.is_on, s.faults, s.per_day, s.ticked_at,
                (SELECT count(*) FROM mails WHERE first_attempt_at > ?1 - 86400) AS today,
                (SELECT count(*) FROM mails WHERE state = 'waiting') AS waiting,
                (SELECT count(*) FROM mails WHERE state = 'held') AS held,
                (SELECT min(fact_at) FROM mails WHERE state = 'held') AS held_since
         FROM mail_state s",
        [now.into()],
    );
    reader.first(statement).await
}
