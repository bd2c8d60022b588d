//! Erases what says who bought licenses: in each license, its order, its machines and the
//! events, mails and items about it, and in the audit log, where an entry for each license
//! records which entries were erased. Their leaves keep the digests of what they said.

use crate::events::announcement;
use crate::licenses::license_list;
use crate::operator::audit::{Actor, insert_into_audit};
use crate::operator::audit_seal::stored_entry;
use keywright_domain::audit_log::leaf::{PERSONAL_MEMBERS, StoredEntry};
use keywright_domain::audit_log::tree::write_hash;
use keywright_domain::audit_log::{ERASED, ERASURE};
use keywright_domain::email;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;
use serde_json::{Value, json};

/// Most audit entries that one request erases.
const MOST: usize = 1_000;

/// Most licenses of one address that one request erases.
pub const LICENSES_AT_ONCE: usize = 100;

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Licenses.
    pub licenses: usize,
    /// Audit entries.
    pub entries: usize,
    /// True when nothing is left; else another request erases more.
    pub is_complete: bool,
}

#[derive(Deserialize)]
struct Bought {
    id: String,
    buyer_email: Option<String>,
}

#[derive(Deserialize)]
struct PersonalEntry {
    license_id: String,
    #[serde(flatten)]
    entry: StoredEntry,
}

/// One license of a request.
struct Target<'a> {
    license_id: String,
    audit_id: &'a str,
    entries: Vec<StoredEntry>,
    /// Whether these are all its entries. The address stays in a license with more, so that
    /// it is found by the address once more.
    is_whole: bool,
}

/// The entries about the licenses `?1`, their orders and their machines that say something
/// personal, `?2` being the members that can.
const PERSONAL_ENTRIES: &str = concat!(
    "SELECT o.license_id, ",
    stored_entry!(),
    " FROM (SELECT t.value AS license_id, 'license' AS kind, t.value AS id
            FROM json_each(?1) AS t
            UNION SELECT l.id, 'invoice', r.invoice_id FROM json_each(?1) AS t
                         JOIN licenses l ON l.id = t.value
                         JOIN receipts r ON r.id = l.receipt_id
            UNION SELECT m.license_id, 'machine', m.id FROM json_each(?1) AS t
                         JOIN machines m ON m.license_id = t.value) AS o
      CROSS JOIN audit a ON a.object_kind = o.kind AND a.object_id = o.id
      WHERE a.content_digest IS NULL AND a.salt IS NOT NULL
        AND EXISTS (SELECT 1 FROM json_each(?2) AS p
                    WHERE coalesce(a.before ->> p.value, '') <> ''
                       OR coalesce(a.after ->> p.value, '') <> '')
      ORDER BY o.license_id, a.sequence LIMIT ?3"
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
    let mut batch = Batch::new();
    let known = batch.read::<Bought>(Statement::new(
        "SELECT id, buyer_email FROM licenses WHERE id = ?1",
        [license_id.into()],
    ));
    let entries = batch.read::<PersonalEntry>(personal_entries(&[license_id]));
    let mut rows = batch.run_aside(database).await?;
    let Some(bought) = rows.first(known)? else {
        return Ok(None);
    };
    let mut entries = rows.all(entries)?;
    let is_complete = entries.len() <= MOST;
    entries.truncate(MOST);
    let address = bought.buyer_email.unwrap_or_default();
    let addresses = json!([address.trim().to_lowercase(), email::folded(&address)]);
    let target = Target {
        license_id: bought.id,
        audit_id,
        entries: entries.into_iter().map(|one| one.entry).collect(),
        is_whole: true,
    };
    let erased = write(database, actor, &[target], &addresses.to_string()).await?;
    Ok(Some(Erased {
        is_complete,
        ..erased
    }))
}

/// Erases the buyer of up to one license for each of `audit_ids`, all of them of this
/// address.
///
/// # Errors
/// [`DatabaseError`].
pub async fn erase_address(
    database: &Database,
    actor: &Actor,
    address: &str,
    audit_ids: &[String],
) -> Result<Erased, DatabaseError> {
    let addresses = license_list::written(database, address).await?;
    let limit = i64::try_from(audit_ids.len() + 1).unwrap_or(i64::MAX);
    let statement = Statement::new(
        "SELECT id, buyer_email FROM licenses
         WHERE buyer_email IS NOT NULL
           AND lower(trim(buyer_email)) IN (SELECT value FROM json_each(?1))
         ORDER BY id LIMIT ?2",
        [addresses.as_str().into(), limit.into()],
    );
    let mut bought: Vec<Bought> = database.query(statement).await?;
    let mut is_complete = bought.len() <= audit_ids.len();
    bought.truncate(audit_ids.len());
    let ids: Vec<&str> = bought.iter().map(|one| one.id.as_str()).collect();
    let mut entries: Vec<PersonalEntry> = database.query(personal_entries(&ids)).await?;
    // The licenses up to the one at which the entries end.
    let ends_at = entries.get(MOST).map(|one| one.license_id.clone());
    entries.truncate(MOST);
    is_complete &= ends_at.is_none();
    let mut targets = Vec::new();
    for (one, audit_id) in bought.into_iter().zip(audit_ids) {
        let is_last = ends_at.as_ref() == Some(&one.id);
        let of_it = entries.extract_if(.., |entry| entry.license_id == one.id);
        targets.push(Target {
            entries: of_it.map(|one| one.entry).collect(),
            license_id: one.id,
            audit_id,
            is_whole: !is_last,
        });
        if is_last {
            break;
        }
    }
    let erased = write(database, actor, &targets, &addresses).await?;
    Ok(Erased {
        is_complete,
        ..erased
    })
}

fn personal_entries(license_ids: &[&str]) -> Statement {
    let personal = Value::from(PERSONAL_MEMBERS.map(String::from).to_vec());
    Statement::new(
        PERSONAL_ENTRIES,
        [
            json!(license_ids).to_string().into(),
            personal.to_string().into(),
            i64::try_from(MOST + 1).unwrap_or(i64::MAX).into(),
        ],
    )
}

async fn write(
    database: &Database,
    actor: &Actor,
    targets: &[Target<'_>],
    addresses: &str,
) -> Result<Erased, DatabaseError> {
    if !targets.is_empty() {
        database
            .batch(statements(actor, targets, addresses))
            .await?;
    }
    Ok(Erased {
        licenses: targets.iter().filter(|target| target.is_whole).count(),
        entries: targets.iter().map(|target| target.entries.len()).sum(),
        is_complete: true,
    })
}

/// The licenses of `?1` whose erasure this batch recorded, as far as they are whole.
macro_rules! recorded {
    () => {
        "(SELECT t.value ->> '$[0]' FROM json_each(?1) AS t
          JOIN audit a ON a.id = t.value ->> '$[1]' WHERE t.value ->> '$[3]')"
    };
}

/// The batch: its first statement records what is erased, and the others depend on that.
fn statements(actor: &Actor, targets: &[Target<'_>], addresses: &str) -> Vec<Statement> {
    let list = targets.iter().map(|target| {
        let sequences = target.entries.iter().map(|entry| entry.sequence);
        let sequences: Vec<i64> = sequences.collect();
        json!([
            target.license_id,
            target.audit_id,
            sequences,
            target.is_whole
        ])
    });
    let list = list.collect::<Value>().to_string();
    let digests = targets.iter().flat_map(|target| {
        target.entries.iter().filter_map(|entry| {
            let digest = write_hash(&entry.digest()?);
            Some(json!([entry.sequence, entry.salt, digest, target.audit_id]))
        })
    });
    let digested = Statement::new(
        "UPDATE audit SET before = NULL, after = NULL, salt = NULL, content_digest = d.digest
         FROM (SELECT value ->> '$[0]' AS sequence, value ->> '$[1]' AS salt,
                      value ->> '$[2]' AS digest, value ->> '$[3]' AS audit_id
               FROM json_each(?1)) AS d
         WHERE audit.sequence = d.sequence AND audit.salt = d.salt
           AND EXISTS (SELECT 1 FROM audit WHERE id = d.audit_id)",
        [digests.collect::<Value>().to_string().into()],
    );
    let of_licenses = |sql| Statement::new(sql, [list.as_str().into()]);
    let of_addresses = |sql| Statement::new(sql, [list.as_str().into(), addresses.into()]);
    let ids: Vec<&str> = targets.iter().map(|target| target.audit_id).collect();
    vec![
        record(actor, &list),
        digested,
        of_licenses(concat!(
            "UPDATE invoices SET buyer_email = NULL, buyer_note = NULL
             WHERE id IN (SELECT r.invoice_id FROM licenses l
                          JOIN receipts r ON r.id = l.receipt_id WHERE l.id IN ",
            recorded!(),
            ")"
        )),
        of_licenses(concat!(
            "UPDATE attention SET details = json_remove(details, '$.buyer_email')
             WHERE object_kind = 'invoice'
               AND object_id IN (SELECT r.invoice_id FROM licenses l
                                 JOIN receipts r ON r.id = l.receipt_id WHERE l.id IN ",
            recorded!(),
            ")"
        )),
        of_licenses(concat!(
            "UPDATE machines SET hostname = NULL WHERE license_id IN ",
            recorded!()
        )),
        of_licenses(concat!(
            "UPDATE events SET data = json_remove(data,
               '$.before.buyer_email', '$.after.buyer_email', '$.before.note', '$.after.note')
             WHERE data ->> '$.license_id' IN ",
            recorded!()
        )),
        of_addresses(concat!(
            "UPDATE attention SET details = json_remove(details, '$.recipient')
             WHERE object_kind = 'mail'
               AND lower(details ->> '$.recipient') IN (SELECT value FROM json_each(?2))
               AND EXISTS ",
            recorded!()
        )),
        // The id of a mail is derived from its recipient, so the row goes.
        of_licenses(concat!(
            "DELETE FROM mails WHERE subject_id IN ",
            recorded!()
        )),
        of_addresses(concat!(
            "DELETE FROM mails
             WHERE template = 'recovery'
               AND lower(recipient) IN (SELECT value FROM json_each(?2)) AND EXISTS ",
            recorded!()
        )),
        of_addresses(concat!(
            "DELETE FROM mail_requests
             WHERE email IN (SELECT value FROM json_each(?2)) AND EXISTS ",
            recorded!()
        )),
        of_licenses(concat!(
            "UPDATE licenses SET buyer_email = NULL, note = NULL WHERE id IN ",
            recorded!()
        )),
        announcement::of_entries(&ids),
    ]
}

/// An audit entry for each license that has something to erase.
fn record(actor: &Actor, list: &str) -> Statement {
    Statement::new(
        insert_into_audit!(
            "SELECT t.value ->> '$[1]', ?2, ?3, ?4, 'license', l.id, NULL,
                    json_object(?5, json(t.value -> '$[2]')), ?6
             FROM json_each(?1) AS t
             JOIN licenses l ON l.id = t.value ->> '$[0]'
             LEFT JOIN receipts r ON r.id = l.receipt_id
             LEFT JOIN invoices i ON i.id = r.invoice_id
             WHERE json_array_length(t.value, '$[2]') > 0
                OR coalesce(l.buyer_email, l.note, i.buyer_email, i.buyer_note) IS NOT NULL
                OR EXISTS (SELECT 1 FROM machines m
                           WHERE m.license_id = l.id AND m.hostname IS NOT NULL)
             ORDER BY t.key"
        ),
        [
            list.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            ERASURE.into(),
            ERASED.into(),
            (&actor.request_id).into(),
        ],
    )
}
