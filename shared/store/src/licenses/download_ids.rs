//! Download ids: what opens the downloads of one license and nothing else.
//! Each license gets one in the batch that makes it.

use crate::columns;
use crate::operator::audit::{Actor, insert_into_audit};
use keywright_domain::release::DownloadId;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::Deserialize;
use serde_json::{Value, json};

/// Most licenses that one call of [`fill_in`] looks at for each of its two
/// reasons.
pub const FILLED_AT_ONCE: usize = 100;

/// Gives the license that a purchase made its id, where it has none. Answers the
/// license's `id` either way: a conflict changes nothing, and is answered because
/// it counts as an update.
pub(crate) fn give_bought(invoice_id: &str, id: &DownloadId, now: i64) -> Statement {
    Statement::new(
        "INSERT INTO download_ids (license_id, download_id, created_at)
         SELECT l.id, ?2, ?3 FROM receipts r JOIN licenses l ON l.receipt_id = r.id
         WHERE r.invoice_id = ?1
         ON CONFLICT (license_id) DO UPDATE SET created_at = created_at
         RETURNING license_id AS id",
        [invoice_id.into(), id.as_str().into(), now.into()],
    )
}

/// Gives a license its id.
pub(crate) fn give(license_id: &str, id: &DownloadId, now: i64) -> Statement {
    Statement::new(
        "INSERT INTO download_ids (license_id, download_id, created_at)
         SELECT id, ?2, ?3 FROM licenses WHERE id = ?1",
        [license_id.into(), id.as_str().into(), now.into()],
    )
}

/// Gives an id to licenses that were made before there were any. Answers how
/// many got one.
///
/// Two kinds are looked for, both along an index, so that a call with nothing to
/// do reads few rows however many licenses there are: those whose id is lower
/// than every one that has a download id, from the highest down (ids grow with
/// time, so what is older than the oldest done is not done); and the newest,
/// among which are those that an older program made while this one was already
/// at work.
///
/// # Errors
/// [`DatabaseError`].
pub async fn fill_in(
    database: &Database,
    now: i64,
    mut random: impl FnMut() -> DownloadId,
) -> Result<usize, DatabaseError> {
    let ids: Vec<Value> = (0..2 * FILLED_AT_ONCE)
        .map(|_| json!(random().as_str()))
        .collect();
    let most = i64::try_from(FILLED_AT_ONCE).unwrap_or_default();
    let statement = Statement::new(
        "INSERT INTO download_ids (license_id, download_id, created_at)
         SELECT l.id, ids.value, ?1
         FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS number
               FROM (SELECT id FROM (SELECT id FROM licenses
                                     WHERE id < coalesce((SELECT min(license_id) FROM download_ids),
                                                         '~')
                                     ORDER BY id DESC LIMIT ?3)
                     UNION
                     SELECT n.id FROM (SELECT id FROM licenses
                                       ORDER BY issued_at DESC, id DESC LIMIT ?3) AS n
                     WHERE NOT EXISTS (SELECT 1 FROM download_ids WHERE license_id = n.id))
              ) AS l
         JOIN json_each(?2) AS ids ON ids.key = l.number
         WHERE true
         ON CONFLICT DO NOTHING
         RETURNING license_id",
        [now.into(), Value::from(ids).to_string().into(), most.into()],
    );
    let mut batch = Batch::new();
    let filled = batch.read::<Row>(statement);
    let filled = batch.run_aside(database).await?.all(filled)?;
    Ok(filled.len())
}

/// Gives a license another id; the one before opens nothing from then on.
/// Answers whether there is such a license. The entry in the audit table says
/// that it was done, not which ids.
///
/// # Errors
/// [`DatabaseError`].
pub async fn replace(
    database: &Database,
    actor: &Actor,
    license_id: &str,
    id: &DownloadId,
    audit_id: &str,
) -> Result<bool, DatabaseError> {
    #[derive(Deserialize)]
    struct Replaced {
        #[serde(deserialize_with = "columns::flag")]
        is_replaced: bool,
    }
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'license.download_id', 'license', id, NULL, NULL, ?5
             FROM licenses WHERE id = ?4"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            license_id.into(),
            (&actor.request_id).into(),
        ],
    );
    let put = Statement::new(
        "INSERT INTO download_ids (license_id, download_id, created_at)
         SELECT object_id, ?2, ?3 FROM audit WHERE id = ?1
         ON CONFLICT (license_id) DO UPDATE
         SET download_id = excluded.download_id, created_at = excluded.created_at",
        [audit_id.into(), id.as_str().into(), actor.at.into()],
    );
    let mut batch = Batch::new();
    batch.extend([entry, put]);
    let replaced = batch.read::<Replaced>(Statement::new(
        "SELECT EXISTS (SELECT 1 FROM audit WHERE id = ?1) AS is_replaced",
        [audit_id.into()],
    ));
    Ok(batch.run(database).await?.one(replaced)?.is_replaced)
}
