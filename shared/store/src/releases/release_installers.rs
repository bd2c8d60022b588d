//! Which install script of a product was published last. The script itself is
//! in the release storage only; the audit table has its digest.

use crate::events::announcement;
use crate::operator::audit::{self, Actor, insert_into_audit};
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};

/// Records that a script is published, unless the last one had the same
/// digest. Answers whether it is another one.
///
/// # Errors
/// [`DatabaseError`].
pub async fn record(
    database: &Database,
    actor: &Actor,
    product_id: &str,
    sha256: &str,
    audit_id: String,
) -> Result<bool, DatabaseError> {
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'release.installer', 'product', ?4, last.after,
                    json_object('sha256', ?5), ?6
             FROM (SELECT 1)
             LEFT JOIN (SELECT after FROM audit
                        WHERE object_kind = 'product' AND object_id = ?4
                          AND action = 'release.installer'
                        ORDER BY at DESC, id DESC LIMIT 1) AS last
             WHERE last.after ->> '$.sha256' IS NOT ?5"
        ),
        [
            (&audit_id).into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            product_id.into(),
            sha256.into(),
            (&actor.request_id).into(),
        ],
    );
    let mut batch = Batch::new();
    batch.write(entry);
    batch.write(announcement::of_entry(&audit_id));
    let changed = batch.read::<Row>(audit::select_id(&audit_id));
    batch.run(database).await?.any(changed)
}
