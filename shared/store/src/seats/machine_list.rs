//! Machines as the operator looks them up and frees them.

use crate::columns;
use crate::operator::audit::{Actor, insert_into_audit};
use crate::paging;
use keywright_domain::page::Page;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement, Value};
use serde::Deserialize;

/// A machine with the names around it.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed {
    /// `UUIDv7`.
    pub id: String,
    /// The license whose seat it holds or held.
    pub license_id: String,
    /// The license's product.
    pub product_id: String,
    /// The product's name in URLs.
    pub product_slug: String,
    /// SHA-256 of its fingerprint, in lower-case hex.
    pub fingerprint_hash: String,
    /// As the application named it.
    pub hostname: Option<String>,
    /// As the application named it.
    pub platform: Option<String>,
    /// Whether it holds a seat now.
    #[serde(deserialize_with = "columns::flag")]
    pub active: bool,
    /// Unix seconds.
    pub activated_at: i64,
    /// Unix seconds.
    pub last_seen_at: i64,
    /// Unix seconds, where its seat was freed.
    pub deactivated_at: Option<i64>,
    /// Why its seat was freed.
    pub deactivation_reason: Option<String>,
}

/// Which machines to list; all of what is given has to fit.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this license.
    pub license_id: Option<String>,
    /// Of this product.
    pub product_id: Option<String>,
    /// Of the product of this slug.
    pub product_slug: Option<String>,
    /// Those that hold no seat any more, too.
    pub include_inactive: bool,
}

/// A page of machines, newest first. `$first` is what the database should look
/// for first.
macro_rules! select_page {
    ($first:literal) => {
        concat!(
            "SELECT m.id, m.license_id, l.product_id, p.slug AS product_slug,
                    m.fingerprint_hash, m.hostname, m.platform,
                    m.deactivated_at IS NULL AS active, m.activated_at, m.last_seen_at,
                    m.deactivated_at, m.deactivation_reason
             FROM machines m
             JOIN licenses l ON l.id = m.license_id
             JOIN products p ON p.id = l.product_id
             WHERE (?1 IS NULL OR (m.activated_at, m.id) < (?1, ?2))
               AND (?4 IS NULL OR m.license_id = ?4)
               AND (?5 IS NULL OR l.product_id = ?5)
               AND (?6 IS NULL OR p.slug = ?6)
               AND (?7 OR m.deactivated_at IS NULL)
               AND ",
            $first,
            " ORDER BY m.activated_at DESC, m.id DESC LIMIT ?3"
        )
    };
}

const BY_TIME: &str = select_page!("1");
const OF_LICENSE: &str = select_page!("m.license_id = ?4");
const OF_PRODUCT: &str = select_page!("l.product_id = ?5");
const OF_SLUG: &str = select_page!("p.slug = ?6");

impl Filter {
    /// The statement whose index leaves the fewest rows.
    fn statement(&self) -> &'static str {
        if self.license_id.is_some() {
            OF_LICENSE
        } else if self.product_id.is_some() {
            OF_PRODUCT
        } else if self.product_slug.is_some() {
            OF_SLUG
        } else {
            BY_TIME
        }
    }
}

/// A page of machines, newest first: one round trip. Asks for one row more
/// than `limit`, so that the caller sees whether there is a next page.
///
/// # Errors
/// [`DatabaseError`].
pub async fn page(
    database: &Reader,
    filter: &Filter,
    page: &Page,
) -> Result<Vec<Listed>, DatabaseError> {
    let mut params = Vec::from(paging::params(page));
    params.extend([
        Value::from(filter.license_id.as_ref()),
        filter.product_id.as_ref().into(),
        filter.product_slug.as_ref().into(),
        filter.include_inactive.into(),
    ]);
    database
        .query(Statement::new(filter.statement(), params))
        .await
}

/// Frees the seat of a machine, with the audit entry and the event. Answers
/// whether there is such a machine; repeating it changes nothing.
///
/// # Errors
/// [`DatabaseError`].
pub async fn free(
    database: &Database,
    actor: &Actor,
    id: &str,
    reason: &str,
    audit_id: &str,
    event_id: &str,
) -> Result<bool, DatabaseError> {
    // First, while the row still says what it was. The entry says whether the
    // rest may happen; see `difference`.
    let entry = Statement::new(
        insert_into_audit!(
            "SELECT ?1, ?2, ?3, 'machine.deactivate', 'machine', id,
                json_object('license_id', license_id, 'active', json('true')),
                json_object('license_id', license_id, 'active', json('false'), 'reason', ?5),
                ?6
         FROM machines WHERE id = ?4 AND deactivated_at IS NULL"
        ),
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            id.into(),
            reason.into(),
            (&actor.request_id).into(),
        ],
    );
    let update = Statement::new(
        "UPDATE machines SET deactivated_at = ?2, deactivation_reason = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
        [id.into(), actor.at.into(), reason.into(), audit_id.into()],
    );
    let event = Statement::new(
        "INSERT INTO events (id, at, event_type, data)
         SELECT ?1, ?2, ?5,
                json_object('license_id', m.license_id, 'machine_id', m.id, 'reason', ?3)
         FROM audit a JOIN machines m ON m.id = a.object_id
         WHERE a.id = ?4",
        [
            event_id.into(),
            actor.at.into(),
            reason.into(),
            audit_id.into(),
            EventType::MachineDeactivated.as_str().into(),
        ],
    );
    let select = Statement::new("SELECT id FROM machines WHERE id = ?1", [id.into()]);
    let mut batch = Batch::new();
    batch.extend([entry, update, event]);
    let machine = batch.read::<Row>(select);
    batch.run(database).await?.any(machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MIGRATIONS;
    use keywright_native_host::SqliteDatabase;
    use keywright_ports::DatabasePort;

    #[tokio::test]
    async fn machines_of_a_license_or_a_product_are_found_by_index() {
        let database = SqliteDatabase::in_memory(MIGRATIONS).expect("a database");
        for (sql, step) in [
            (
                OF_LICENSE,
                "m USING INDEX machines_of_license (license_id=?",
            ),
            (
                OF_PRODUCT,
                "m USING INDEX machines_of_license (license_id=?",
            ),
            (OF_SLUG, "m USING INDEX machines_of_license (license_id=?"),
        ] {
            let explained: &'static str = String::leak(format!("EXPLAIN QUERY PLAN {sql}"));
            let params = vec![Value::Null; 7];
            let steps = database.query(Statement::new(explained, params)).await;
            let steps = steps.expect("a plan");
            let found = steps
                .iter()
                .filter_map(|row| row["detail"].as_str())
                .any(|detail| detail.contains(step));
            assert!(found, "{steps:?}");
        }
    }
}
