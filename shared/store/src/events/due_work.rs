//! Whether there is something to send now.

use keywright_ports::{Database, DatabaseError, Statement};
use serde::Deserialize;

/// What can be sent.
#[derive(Debug, Clone, Copy)]
pub struct Senders {
    /// Webhooks.
    pub webhooks: bool,
    /// Mail.
    pub mail: bool,
}

/// Whether an event is new to an active endpoint or to mail, or a delivery or a mail is due:
/// one statement.
///
/// # Errors
/// [`DatabaseError`].
pub async fn exists(
    database: &Database,
    now: i64,
    senders: Senders,
) -> Result<bool, DatabaseError> {
    #[derive(Deserialize)]
    struct Due {
        is_due: i64,
    }
    let statement = Statement::new(
        "SELECT (?2 AND EXISTS
                  (SELECT 1 FROM webhook_endpoints w
                   WHERE w.state = 'active' AND w.deleted_at IS NULL
                     AND (w.position < (SELECT max(sequence) FROM events)
                          OR EXISTS (SELECT 1 FROM webhook_deliveries d
                                     WHERE d.endpoint_id = w.id AND d.state = 'pending'
                                       AND d.next_attempt_at <= ?1
                                       AND d.claimed_until IS NULL))))
             OR (?3 AND (EXISTS (SELECT 1 FROM mail_state s
                                 WHERE s.position < (SELECT max(sequence) FROM events))
                         OR EXISTS (SELECT 1 FROM mail_requests WHERE planned_at IS NULL)
                         OR EXISTS (SELECT 1 FROM mails
                                    WHERE state = 'waiting' AND next_attempt_at <= ?1
                                      AND claimed_until IS NULL))) AS is_due",
        [now.into(), senders.webhooks.into(), senders.mail.into()],
    );
    let due: Vec<Due> = database.query(statement).await?;
    Ok(due.first().is_some_and(|due| due.is_due != 0))
}
