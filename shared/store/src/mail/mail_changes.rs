//! What operators do about mails: send one again, and release or drop what is held.

use crate::mail::mail_list::{RecordedMail, select_mails};
use crate::operator::audit::{self, Actor, AuditedChange};
use keywright_domain::dates::rfc3339;
use keywright_domain::mail::{MailKind, mail_id};
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::Deserialize;
use serde_json::json;

/// How many held mails one request releases or drops.
pub const AT_ONCE: i64 = 1_000;

/// What came of asking for a mail to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResendOutcome {
    /// A new mail waits.
    Waiting(Box<RecordedMail>),
    /// It has not ended, so there is nothing to repeat.
    NotEnded,
    /// Its license has no address any more, or a newer version wrote its template.
    Impossible,
    /// There is no such mail.
    Unknown,
}

/// Records a new mail about the same fact, which is rendered when it is sent: a license's to
/// the address that the license has now, any other to its recipient. `new_id` makes its
/// fact another one.
///
/// # Errors
/// [`DatabaseError`].
pub async fn resend(
    database: &Database,
    actor: &Actor,
    id: &str,
    [new_id, audit_id]: [String; 2],
) -> Result<ResendOutcome, DatabaseError> {
    #[derive(Deserialize)]
    struct Sent {
        fact: String,
        template: String,
        recipient: Option<String>,
        state: String,
    }
    let sent: Option<Sent> = database
        .first(Statement::new(
            "SELECT m.fact, m.template, m.state,
                    iif(m.template IN ('license_key', 'key_changed'), l.buyer_email, m.recipient) AS recipient
             FROM mails m LEFT JOIN licenses l ON l.id = m.subject_id
             WHERE m.id = ?1",
            [id.into()],
        ))
        .await?;
    let Some(sent) = sent else {
        return Ok(ResendOutcome::Unknown);
    };
    if matches!(sent.state.as_str(), "waiting" | "held") {
        return Ok(ResendOutcome::NotEnded);
    }
    let (Some(kind), Some(recipient)) = (MailKind::parse(&sent.template), sent.recipient) else {
        return Ok(ResendOutcome::Impossible);
    };
    let first = sent.fact.split('#').next().unwrap_or_default();
    let fact = format!("{first}#{new_id}");
    let new = mail_id(&fact, &recipient, kind);
    let mut batch = Batch::new();
    batch.write(Statement::new(
        "INSERT INTO mails (id, fact, recipient, template, subject_id, fact_at, state, attempts,
                            next_attempt_at, resend_of, created_at)
         SELECT ?1, ?2, ?3, m.template, m.subject_id, m.fact_at, 'waiting', 0, ?4, m.id, ?4
         FROM mails m WHERE m.id = ?5 AND m.state NOT IN ('waiting', 'held')",
        [
            (&new).into(),
            fact.into(),
            recipient.into(),
            actor.at.into(),
            id.into(),
        ],
    ));
    let entry = AuditedChange {
        id: audit_id,
        action: "mail.resend",
        object_kind: "mail",
        object_id: id.to_owned(),
        before: None,
        after: Some(json!({ "mail_id": new })),
    };
    batch.write(audit::insert_if_changed(actor, entry));
    let mail = batch.read(Statement::new(
        select_mails!("WHERE id = ?1"),
        [(&new).into()],
    ));
    let mail = batch.run(database).await?.first(mail)?;
    Ok(mail.map_or(ResendOutcome::NotEnded, |mail| {
        ResendOutcome::Waiting(Box::new(mail))
    }))
}

/// Lets up to [`AT_ONCE`] held mails go whose fact happened at or after `from`, in unix
/// seconds, the oldest first. Answers how many.
///
/// # Errors
/// [`DatabaseError`].
pub async fn release(
    database: &Database,
    actor: &Actor,
    from: Option<i64>,
    audit_id: String,
) -> Result<usize, DatabaseError> {
    let update = Statement::new(
        "UPDATE mails SET state = 'waiting', reason = NULL, next_attempt_at = ?2, attempts = 0,
                          first_attempt_at = NULL, doubt_at = NULL, link_expires_at = NULL
         WHERE id IN (SELECT id FROM mails WHERE state = 'held' AND fact_at >= coalesce(?1, 0)
                      ORDER BY fact_at, id LIMIT ?3)
         RETURNING id",
        [from.into(), actor.at.into(), AT_ONCE.into()],
    );
    let after = json!({ "from": from.map(rfc3339) });
    change_held(database, actor, update, "mail.release", after, audit_id).await
}

/// Drops up to [`AT_ONCE`] held mails whose fact happened before `before`, in unix seconds,
/// the oldest first. Answers how many.
///
/// # Errors
/// [`DatabaseError`].
pub async fn drop_held(
    database: &Database,
    actor: &Actor,
    before: i64,
    audit_id: String,
) -> Result<usize, DatabaseError> {
    let update = Statement::new(
        "UPDATE mails SET state = 'dropped', reason = 'dropped by the operator', ended_at = ?2
         WHERE id IN (SELECT id FROM mails WHERE state = 'held' AND fact_at < ?1
                      ORDER BY fact_at, id LIMIT ?3)
         RETURNING id",
        [before.into(), actor.at.into(), AT_ONCE.into()],
    );
    let after = json!({ "before": rfc3339(before) });
    change_held(database, actor, update, "mail.drop", after, audit_id).await
}

/// Changes held mails, with the audit entry; the item about them is resolved with the last
/// one.
async fn change_held(
    database: &Database,
    actor: &Actor,
    update: Statement,
    action: &'static str,
    after: serde_json::Value,
    audit_id: String,
) -> Result<usize, DatabaseError> {
    let entry = AuditedChange {
        id: audit_id,
        action,
        object_kind: "mail",
        object_id: "held".to_owned(),
        before: None,
        after: Some(after),
    };
    let mut batch = Batch::new();
    let changed = batch.read::<Row>(update);
    batch.write(audit::insert_if_changed(actor, entry));
    batch.write(Statement::new(
        "UPDATE attention SET resolved_at = ?1, resolved_by = ?2
         WHERE kind = 'mail_held' AND object_kind = 'mail' AND object_id = 'held'
           AND resolved_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM mails WHERE state = 'held')",
        [actor.at.into(), actor.name.as_ref().into()],
    ));
    Ok(batch.run(database).await?.all(changed)?.len())
}
