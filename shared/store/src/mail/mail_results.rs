//! What became of claimed mails.

use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::Serialize;

/// What became of one mail.
#[derive(Debug, Clone, Serialize)]
pub struct MailResult {
    /// The mail.
    pub id: String,
    /// As of [`keywright_domain::mail::state::MailState`].
    pub state: &'static str,
    /// When it is tried again, in unix seconds.
    pub next_attempt_at: Option<i64>,
    /// When an attempt first ended in doubt, in unix seconds.
    pub doubt_at: Option<i64>,
    /// The mail API's id of it.
    pub message_id: Option<String>,
    /// Why it was not taken, cut and cleaned.
    pub reason: Option<String>,
    /// True when the operator has to look.
    #[serde(skip)]
    pub needs_attention: bool,
}

/// Writes down results, as far as the claim still holds. Answers how many counted.
///
/// # Errors
/// [`DatabaseError`]: nothing was written; the claim ends by itself.
pub async fn record(
    database: &Database,
    claim: &str,
    now: i64,
    results: &[MailResult],
    attention_prefix: &str,
) -> Result<usize, DatabaseError> {
    let needs_attention = results.iter().any(|result| result.needs_attention);
    let results = serde_json::to_string(results).map_err(|error| {
        DatabaseError::Row(format!("results of mails cannot be written: {error}"))
    })?;
    let mut batch = Batch::new();
    let counted = batch.read::<Row>(Statement::new(
        "UPDATE mails AS m
         SET state = r.value ->> '$.state', claim = NULL, claimed_until = NULL,
             called_at = NULL, attempts = m.attempts + 1,
             next_attempt_at = r.value ->> '$.next_attempt_at',
             doubt_at = r.value ->> '$.doubt_at', message_id = r.value ->> '$.message_id',
             reason = r.value ->> '$.reason',
             ended_at = iif(r.value ->> '$.state' = 'waiting', NULL, ?3)
         FROM json_each(?2) AS r
         WHERE m.id = r.value ->> '$.id' AND m.claim = ?1 AND m.claimed_until >= ?3
         RETURNING id",
        [claim.into(), results.into(), now.into()],
    ));
    if needs_attention {
        batch.write(report(now, attention_prefix));
    }
    Ok(batch.run(database).await?.all(counted)?.len())
}

/// One item for each way of not being sent, with how many mails it is since the item was
/// last resolved, and the newest of them. `attention_prefix`: the first 24 characters of a
/// new id.
#[must_use]
pub fn report(now: i64, attention_prefix: &str) -> Statement {
    Statement::new(
        "INSERT INTO attention (id, at, kind, object_kind, object_id, details)
         SELECT ?2 || CASE m.word WHEN 'unknown' THEN '000000000001'
                                  WHEN 'rejected' THEN '000000000002'
                                  WHEN 'failed' THEN '000000000003'
                                  ELSE '000000000004' END,
                ?1, 'mail_' || m.word, 'mail', m.word,
                json_object('mails', count(*), 'mail_id', m.id, 'template', m.template,
                            'recipient', m.recipient, 'reason', m.reason, 'newest', max(m.at))
         FROM (SELECT id, template, recipient, reason, coalesce(ended_at, ?1) AS at,
                      iif(state = 'waiting', 'failing', state) AS word
               FROM mails
               WHERE state IN ('unknown', 'rejected', 'failed')
                  OR (state = 'waiting' AND attempts >= 3)) AS m
         WHERE m.at > coalesce((SELECT resolved_at FROM attention
                                WHERE kind = 'mail_' || m.word AND object_kind = 'mail'
                                  AND object_id = m.word), -1)
         GROUP BY m.word
         HAVING max(m.at) >= coalesce((SELECT at FROM attention
                                       WHERE kind = 'mail_' || m.word AND object_kind = 'mail'
                                         AND object_id = m.word), -1)
         ON CONFLICT (kind, object_kind, object_id)
         DO UPDATE SET at = excluded.at, details = excluded.details, resolved_at = NULL,
                       resolved_by = NULL",
        [now.into(), attention_prefix.into()],
    )
}
