//! Replacing the key of a license: the license, its machines and its seats stay, and every
//! older key, token, download id and mailed link ends in the same batch.

use crate::columns;
use crate::licenses::license_list;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::release::DownloadId;
use keywright_domain::standing::{HOLDER_REPLACEMENTS_PER_DAY, LicenseStatus};
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Statement};
use serde::Deserialize;

/// What lets somebody replace a key.
#[derive(Debug, Clone, Copy)]
pub enum ReplacementRight<'a> {
    /// An operator, for any license that is not revoked.
    Operator,
    /// The license's address, which the buyer named with the order's secret. Only for an
    /// active license, a few times a day.
    Buyer(&'a str),
    /// The digest of the secret of a link that was mailed on request. Only for an active
    /// license of the link's address, a few times a day.
    Link(&'a str),
}

/// The ids of what a replacement writes.
#[derive(Debug, Clone, Copy)]
pub struct ReplacementIds<'a> {
    /// The license.
    pub license: &'a str,
    /// Its new download id.
    pub download: &'a DownloadId,
    /// A new `UUIDv7`.
    pub audit: &'a str,
    /// A new `UUIDv7`.
    pub event: &'a str,
}

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// The key was replaced.
    Done {
        /// The issue time of the new key, in unix seconds.
        issued_at: i64,
        /// The state of the license.
        status: LicenseStatus,
    },
    /// Nothing changed: the license is not in a state for it, the right is over, or there
    /// were enough replacements today.
    Refused(LicenseStatus),
}

/// The mails whose links show the key of the license that the entry `?1` is about; `?2` is
/// how its address is written, a list in JSON.
macro_rules! mails_about {
    () => {
        "(SELECT m.id FROM audit a JOIN mails m ON m.subject_id = a.object_id
          WHERE a.id = ?1 AND m.template IN ('license_key', 'key_changed')
          UNION
          SELECT m.id FROM audit a
          JOIN mails m ON lower(m.recipient) IN (SELECT value FROM json_each(?2))
          WHERE a.id = ?1 AND m.template = 'recovery')"
    };
}

/// Replaces the key of a license, if `right` allows it. The new issue time is later than
/// every earlier one, also when two replacements arrive in one second or the clock was set
/// back: the statement itself counts on. `None` for an unknown license. At most three round
/// trips.
///
/// # Errors
/// [`DatabaseError`].
pub async fn replace(
    database: &Database,
    actor: &Actor,
    ids: ReplacementIds<'_>,
    right: ReplacementRight<'_>,
) -> Result<Option<Replacement>, DatabaseError> {
    #[derive(Deserialize)]
    struct Buyer {
        buyer_email: Option<String>,
    }
    #[derive(Deserialize)]
    struct After {
        issued_at: i64,
        status: LicenseStatus,
        #[serde(deserialize_with = "columns::flag")]
        is_done: bool,
    }
    let statement = Statement::new(
        "SELECT buyer_email FROM licenses WHERE id = ?1",
        [ids.license.into()],
    );
    let Some(Buyer { buyer_email }) = database.first(statement).await? else {
        return Ok(None);
    };
    let written = match &buyer_email {
        Some(address) => license_list::written(database, address).await?,
        None => "[]".to_owned(),
    };
    let mut batch = Batch::new();
    batch.write(entry(actor, ids, right, &written));
    batch.extend([
        Statement::new(
            "UPDATE licenses
             SET key_issued_at = max(?2, coalesce(key_issued_at, issued_at) + 1), updated_at = ?2
             WHERE id = (SELECT object_id FROM audit WHERE id = ?1)",
            [ids.audit.into(), actor.at.into()],
        ),
        // Whoever had the key had links made with it, which name the download id.
        Statement::new(
            "INSERT INTO download_ids (license_id, download_id, created_at)
             SELECT object_id, ?2, ?3 FROM audit WHERE id = ?1
             ON CONFLICT (license_id) DO UPDATE
             SET download_id = excluded.download_id, created_at = excluded.created_at",
            [
                ids.audit.into(),
                ids.download.as_str().into(),
                actor.at.into(),
            ],
        ),
        // Links that were mailed before show the current key, so they end.
        Statement::new(
            concat!(
                "UPDATE mails SET link_expires_at = 0
                 WHERE link_digest IS NOT NULL AND id IN ",
                mails_about!()
            ),
            [ids.audit.into(), written.as_str().into()],
        ),
        // A mail that was perhaps taken already is not repeated with the same link.
        Statement::new(
            concat!(
                "UPDATE mails SET state = 'dropped', reason = 'the key was replaced',
                                  next_attempt_at = NULL, ended_at = ?3
                 WHERE state IN ('waiting', 'held')
                   AND (template <> 'recovery' OR link_digest IS NOT NULL) AND id IN ",
                mails_about!()
            ),
            [ids.audit.into(), written.as_str().into(), actor.at.into()],
        ),
        Statement::new(
            "INSERT INTO events (id, at, event_type, data)
             SELECT ?2, a.at, ?3, json_object('license_id', l.id, 'product_id', l.product_id,
                                              'actor', a.actor)
             FROM audit a JOIN licenses l ON l.id = a.object_id WHERE a.id = ?1",
            [
                ids.audit.into(),
                ids.event.into(),
                EventType::LicenseKeyReplaced.as_str().into(),
            ],
        ),
    ]);
    let after = batch.read::<After>(Statement::new(
        "SELECT coalesce(key_issued_at, issued_at) AS issued_at, status,
                EXISTS (SELECT 1 FROM audit WHERE id = ?2) AS is_done
         FROM licenses WHERE id = ?1",
        [ids.license.into(), ids.audit.into()],
    ));
    let after = batch.run(database).await?.first(after)?;
    Ok(after.map(|after| {
        if after.is_done {
            Replacement::Done {
                issued_at: after.issued_at,
                status: after.status,
            }
        } else {
            Replacement::Refused(after.status)
        }
    }))
}

/// The entry in the audit log, first, while the row still says what it was: the rest of the
/// batch depends on it.
fn entry(
    actor: &Actor,
    ids: ReplacementIds<'_>,
    right: ReplacementRight<'_>,
    written: &str,
) -> Statement {
    let (is_operator, email, digest) = match right {
        ReplacementRight::Operator => (true, None, None),
        ReplacementRight::Buyer(email) => (false, Some(email), None),
        ReplacementRight::Link(digest) => (false, None, Some(digest)),
    };
    Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'license.replace_key', 'license', id,
                    json_object('key_issued_at', coalesce(key_issued_at, issued_at)),
                    json_object('key_issued_at',
                                CAST(max(?2, coalesce(key_issued_at, issued_at) + 1) AS INTEGER)),
                    ?5
             FROM licenses
             WHERE id = ?4
               AND CASE
                   WHEN ?6 THEN status IN ('active', 'suspended')
                   ELSE status = 'active'
                        AND ((?7 IS NOT NULL AND buyer_email = ?7)
                             OR (lower(trim(buyer_email)) IN (SELECT value FROM json_each(?9))
                                 AND EXISTS (SELECT 1 FROM mails
                                             WHERE link_digest = ?8 AND template = 'recovery'
                                               AND link_expires_at > ?2
                                               AND lower(trim(recipient)) IN
                                                   (SELECT value FROM json_each(?9)))))
                        AND (SELECT count(*) FROM audit
                             WHERE object_kind = 'license' AND object_id = ?4
                               AND action = 'license.replace_key' AND at > ?2 - 86400) < ?10
                   END"
        ),
        [
            ids.audit.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            ids.license.into(),
            (&actor.request_id).into(),
            is_operator.into(),
            email.into(),
            digest.into(),
            written.into(),
            HOLDER_REPLACEMENTS_PER_DAY.into(),
        ],
    )
}
