//! Who may download a product. Without a row nothing was ever said here, and a
//! license is needed.

use crate::columns;
use crate::difference::{self, Change, insert_difference};
use crate::events::announcement;
use crate::operator::audit::{self, Actor};
use keywright_domain::release::manifest::ProductManifest;
use keywright_domain::slug::Slug;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
use serde::Deserialize;
use serde_json::json;

/// What is recorded of a product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedGate {
    /// Id of the product.
    pub product_id: String,
    /// Whether a token is needed.
    #[serde(deserialize_with = "columns::flag")]
    pub requires_license: bool,
    /// An entitlement that a token must have for any version.
    pub requires_entitlement: Option<String>,
    /// Counts the changes.
    pub revision: i64,
    /// The revision that the manifest shows at least.
    pub written_revision: i64,
}

impl RecordedGate {
    /// The manifest that says what this row says.
    #[must_use]
    pub fn manifest(&self) -> ProductManifest {
        ProductManifest {
            requires_license: self.requires_license,
            requires_entitlement: self.requires_entitlement.clone(),
        }
    }
}

const OF_PRODUCT: &str = "SELECT product_id, requires_license, requires_entitlement, revision,
       written_revision
     FROM release_gates WHERE product_id = (SELECT id FROM products WHERE slug = ?1)";

/// The gate of a product, where one was ever set.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(
    database: &Reader,
    product: &Slug,
) -> Result<Option<RecordedGate>, DatabaseError> {
    let statement = Statement::new(OF_PRODUCT, [product.as_str().into()]);
    database.first(statement).await
}

/// The row as the members of a change name it. A product without one differs
/// from everything, so that the first change is recorded whatever it says.
const DIFFERENCE: &str = insert_difference!(
    "SELECT p.id, json_object(
              'requires_license', json(iif(g.product_id IS NULL, 'null',
                                           iif(g.requires_license, 'true', 'false'))),
              'requires_entitlement', g.requires_entitlement) AS doc
     FROM products p LEFT JOIN release_gates g ON g.product_id = p.id WHERE p.id = ?6"
);

/// Says who may download a product. Answers its gate as it now is, and whether
/// something changed.
///
/// # Errors
/// [`DatabaseError`]; an id of no product is [`DatabaseError::Row`].
pub async fn set(
    database: &Database,
    actor: &Actor,
    (product, product_id): (&Slug, &str),
    gate: &ProductManifest,
    audit_id: &str,
) -> Result<(RecordedGate, bool), DatabaseError> {
    let members = json!({
        "requires_license": gate.requires_license,
        "requires_entitlement": gate.requires_entitlement,
    });
    let change = Change {
        audit_id,
        action: "release.gate",
        object_kind: "product",
        object_id: product_id,
        members: &members,
    };
    let update = difference::update(
        "INSERT INTO release_gates (product_id, requires_license, requires_entitlement, revision,
                                    written_revision, updated_at)
         SELECT p.id, ?2 ->> '$.requires_license', ?2 ->> '$.requires_entitlement', 1, 0, ?3
         FROM products p WHERE p.id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)
         ON CONFLICT (product_id) DO UPDATE SET
           requires_license = excluded.requires_license,
           requires_entitlement = excluded.requires_entitlement,
           revision = revision + 1, updated_at = excluded.updated_at",
        actor,
        &change,
    );
    let mut batch = Batch::new();
    batch.extend([
        difference::entry(DIFFERENCE, actor, &change),
        update,
        announcement::of_entry(audit_id),
    ]);
    let changed = batch.read::<Row>(audit::select_id(audit_id));
    let gate = batch.read(Statement::new(OF_PRODUCT, [product.as_str().into()]));
    let mut rows = batch.run(database).await?;
    Ok((rows.one(gate)?, rows.any(changed)?))
}

/// Notes that the manifest shows a revision.
///
/// # Errors
/// [`DatabaseError`].
pub async fn written(
    database: &Database,
    product_id: &str,
    revision: i64,
) -> Result<(), DatabaseError> {
    let statement = Statement::new(
        "UPDATE release_gates SET written_revision = ?2
         WHERE product_id = ?1 AND written_revision < ?2",
        [product_id.into(), revision.into()],
    );
    database.aside(vec![statement]).await.map(drop)
}
