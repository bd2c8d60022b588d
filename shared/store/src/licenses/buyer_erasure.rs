//! Erases what says who bought a license: in the license, its order, its machines and the
//! events, mails and items about it, and in the audit log, where an entry records which entries
//! were erased. Their leaves keep the digests of what they said.

use crate::operator::audit::{Actor, insert_into_audit};
use crate::operator::audit_seal::stored_entry;
use keywright_domain::audit_log::leaf::{PERSONAL_MEMBERS, StoredEntry};
use keywright_domain::audit_log::tree::write_hash;
use keywright_domain::audit_log::{ERASED, ERASURE};
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde_json::json;

/// Most audit entries that one request erases.
const MOST: usize = 1_000;

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Audit entries.
    pub entries: usize,
    /// True when nothing is left; else another request erases more.
    pub is_complete: bool,
}

/// The entries about the license `?1`, its order and its machines that say something
/// personal, `?2` being the members that can.
const PERSONAL_ENTRIES: &str = concat!(
    "SELECT ",
    stored_entry!(),
    " FROM (SELECT 'license' AS kind, ?1 AS id
            UNION SELECT 'invoice', r.invoice_id FROM licenses l
                         JOIN receipts r ON r.id = l.receipt_id WHERE l.id = ?1
            UNION SELECT 'machine', m.id FROM machines m WHERE m.license_id = ?1) AS o
      JOIN audit a ON a.object_kind = o.kind AND a.object_id = o.id
      WHERE a.content_digest IS NULL AND a.salt IS NOT NULL
        AND EXISTS (SELECT 1 FROM json_each(?2) AS p
                    WHERE coalesce(a.before ->> p.value, '') <> ''
                       OR coalesce(a.after ->> p.value, '') <> '')
      ORDER BY a.sequence LIMIT ?3"
);

/// Erases the buyer of a license; `None` for an unknown id. What has nothing left to erase
/// writes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn erase(
    database: &Database,
    actor: &Actor,
    license_id: &str,
    audit_id: &str,
) -> Result<Option<Erased>, DatabaseError> {
    let personal = serde_json::Value::from(PERSONAL_MEMBERS.map(String::from).to_vec());
    let limit = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    let mut batch = Batch::new();
    let known = batch.read::<Row>(Statement::new(
        "SELECT id FROM licenses WHERE id = ?1",
        [license_id.into()],
    ));
    let entries = batch.read::<StoredEntry>(Statement::new(
        PERSONAL_ENTRIES,
        [license_id.into(), personal.to_string().into(), limit.into()],
    ));
    let mut rows = batch.run_aside(database).await?;
    if !rows.any(known)? {
        return Ok(None);
    }
    let mut entries = rows.all(entries)?;
    let is_complete = entries.len() <= MOST;
    entries.truncate(MOST);
    database
        .batch(statements(actor, license_id, audit_id, &entries))
        .await?;
    Ok(Some(Erased {
        entries: entries.len(),
        is_complete,
    }))
}

/// The batch: its first statement records what is erased, and the others depend on that.
fn statements(
    actor: &Actor,
    license_id: &str,
    audit_id: &str,
    entries: &[StoredEntry],
) -> Vec<Statement> {
    let sequences: Vec<i64> = entries.iter().map(|entry| entry.sequence).collect();
    let digests: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            Some(json!([
                entry.sequence,
                entry.salt,
                write_hash(&entry.digest()?)
            ]))
        })
        .collect();
    let record = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, ?4, 'license', l.id, NULL, ?6, ?7
             FROM licenses l
             LEFT JOIN receipts r ON r.id = l.receipt_id
             LEFT JOIN invoices i ON i.id = r.invoice_id
             WHERE l.id = ?5
               AND (?8 > 0 OR coalesce(l.buyer_email, l.note, i.buyer_email, i.buyer_note)
                                IS NOT NULL
                    OR EXISTS (SELECT 1 FROM machines m
                               WHERE m.license_id = l.id AND m.hostname IS NOT NULL))"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            ERASURE.into(),
            license_id.into(),
            json!({ ERASED: sequences }).to_string().into(),
            (&actor.request_id).into(),
            i64::try_from(entries.len()).unwrap_or(i64::MAX).into(),
        ],
    );
    let digested = Statement::new(
        "UPDATE audit SET before = NULL, after = NULL, salt = NULL, content_digest = d.digest
         FROM (SELECT value ->> '$[0]' AS sequence, value ->> '$[1]' AS salt,
                      value ->> '$[2]' AS digest FROM json_each(?1)) AS d
         WHERE audit.sequence = d.sequence AND audit.salt = d.salt
           AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        [
            serde_json::Value::from(digests).to_string().into(),
            audit_id.into(),
        ],
    );
    let of_license = |sql| Statement::new(sql, [license_id.into(), audit_id.into()]);
    vec![
        record,
        digested,
        of_license(
            "UPDATE invoices SET buyer_email = NULL, buyer_note = NULL
             WHERE id = (SELECT r.invoice_id FROM licenses l
                         JOIN receipts r ON r.id = l.receipt_id WHERE l.id = ?1)
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        of_license(
            "UPDATE attention SET details = json_remove(details, '$.buyer_email')
             WHERE object_kind = 'invoice'
               AND object_id = (SELECT r.invoice_id FROM licenses l
                                JOIN receipts r ON r.id = l.receipt_id WHERE l.id = ?1)
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        of_license(
            "UPDATE machines SET hostname = NULL
             WHERE license_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        of_license(
            "UPDATE events SET data = json_remove(data,
               '$.before.buyer_email', '$.after.buyer_email', '$.before.note', '$.after.note')
             WHERE data ->> '$.license_id' = ?1
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        // The id of a mail is derived from its recipient, so the row goes.
        of_license(
            "UPDATE attention SET details = json_remove(details, '$.recipient')
             WHERE object_kind = 'mail'
               AND lower(details ->> '$.recipient') =
                   (SELECT lower(trim(buyer_email)) FROM licenses WHERE id = ?1)
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        of_license(
            "DELETE FROM mails
             WHERE (subject_id = ?1
                    OR (template = 'recovery'
                        AND lower(recipient) =
                            (SELECT lower(trim(buyer_email)) FROM licenses WHERE id = ?1)))
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        of_license(
            "DELETE FROM mail_requests
             WHERE email = (SELECT lower(trim(buyer_email)) FROM licenses WHERE id = ?1)
               AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        of_license(
            "UPDATE licenses SET buyer_email = NULL, note = NULL
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
    ]
}
