//! What an operator changes of a product.

use crate::catalog::products::{BY_ID, Product};
use crate::difference::{self, Change, ChangeOutcome, ChangeSql, insert_difference};
use crate::events::announcement;
use crate::operator::audit::{self, Actor};
use keywright_domain::money::Price;
use keywright_ports::{Batch, Database, DatabaseError, Row, Statement};
use serde::Deserialize;
use serde_json::Value;

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct ProductChanges {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New price, perhaps in another currency.
    pub price: Option<Price>,
    /// On sale or not.
    pub active: Option<bool>,
    /// New metadata.
    pub metadata: Option<Value>,
    /// New catalogue; `Some(None)` clears it.
    pub entitlements_catalog: Option<Option<Value>>,
    /// New business; `Some(None)` is the default one.
    pub merchant_profile_id: Option<Option<String>>,
}

/// Why a product is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductRefusal {
    /// The change has another currency, in which the prices of the product's policies
    /// or the amounts of its active discount codes would mean something else or nothing.
    CurrencyInUse,
    /// The change names a merchant profile that does not exist.
    NoSuchMerchantProfile,
}

/// The name of the [`ProductRefusal`] of the new values `$members`, null for none.
macro_rules! refusal {
    ($members:literal) => {
        concat!(
            "CASE WHEN coalesce(",
            $members,
            " ->> '$.price_currency', price_currency)
                       <> price_currency
                   AND (EXISTS (SELECT 1 FROM policies
                                WHERE product_id = products.id
                                  AND coalesce(price_amount, renewal_price_amount) IS NOT NULL)
                        OR EXISTS (SELECT 1 FROM discount_codes
                                   WHERE product_id = products.id AND active = 1
                                     AND kind IN ('fixed_sats', 'set_price')
                                     AND currency <> ",
            $members,
            " ->> '$.price_currency'))
                  THEN 'currency_in_use'
                  WHEN ",
            $members,
            " ->> '$.merchant_profile_id' IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM merchant_profiles
                                   WHERE id = ",
            $members,
            " ->> '$.merchant_profile_id')
                  THEN 'no_such_merchant_profile' END"
        )
    };
}

const CHANGE: ChangeSql = ChangeSql {
    refusal: concat!(
        "SELECT ",
        refusal!("?2"),
        " AS refusal FROM products WHERE id = ?1"
    ),
    difference: insert_difference!(
        "SELECT id, json_object('name', name, 'description', description,
                'price_amount', price_amount, 'price_currency', price_currency,
                'active', json(iif(active, 'true', 'false')), 'metadata', json(metadata),
                'entitlements_catalog', json(entitlements_catalog),
                'merchant_profile_id', merchant_profile_id) AS doc
         FROM products WHERE id = ?6 AND ",
        refusal!("?7"),
        " IS NULL"
    ),
    update: "UPDATE products SET
           name = coalesce(?2 ->> '$.name', name),
           description = coalesce(?2 ->> '$.description', description),
           price_amount = coalesce(?2 ->> '$.price_amount', price_amount),
           price_currency = coalesce(?2 ->> '$.price_currency', price_currency),
           active = coalesce(?2 ->> '$.active', active),
           metadata = coalesce(?2 ->> '$.metadata', metadata),
           entitlements_catalog = iif(json_type(?2, '$.entitlements_catalog') IS NULL,
                                      entitlements_catalog, ?2 ->> '$.entitlements_catalog'),
           merchant_profile_id = iif(json_type(?2, '$.merchant_profile_id') IS NULL,
                                     merchant_profile_id, ?2 ->> '$.merchant_profile_id'),
           updated_at = ?3
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?4)",
    row: BY_ID,
};

/// Changes a product. Each member is changed by itself, so two operators changing
/// different members both succeed.
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &ProductChanges,
    audit_id: &str,
) -> Result<ChangeOutcome<Product, ProductRefusal>, DatabaseError> {
    let members = changes.as_json();
    let change = Change {
        audit_id,
        action: "product.change",
        object_kind: "product",
        object_id: id,
        members: &members,
    };
    difference::run(database, actor, &change, &CHANGE).await
}

impl ProductChanges {
    fn as_json(&self) -> Value {
        difference::members([
            ("name", self.name.clone().map(Value::from)),
            ("description", self.description.clone().map(Value::from)),
            (
                "price_amount",
                self.price.map(|price| price.amount().into()),
            ),
            (
                "price_currency",
                self.price.map(|price| price.currency().as_str().into()),
            ),
            ("active", self.active.map(Value::from)),
            ("metadata", self.metadata.clone()),
            (
                "entitlements_catalog",
                self.entitlements_catalog.clone().map(Value::from),
            ),
            (
                "merchant_profile_id",
                self.merchant_profile_id.clone().map(Value::from),
            ),
        ])
    }
}

/// What names a product.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ProductDependents {
    /// Its policies.
    pub policies: i64,
    /// Discount codes for it alone.
    pub discount_codes: i64,
    /// Purchases of it, paid or not.
    pub invoices: i64,
    /// Licenses of it.
    pub licenses: i64,
    /// Published versions of it.
    pub releases: i64,
}

/// What came of deleting a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductDeletion {
    /// It is deleted, and its policies and discount codes with it.
    Deleted(ProductDependents),
    /// It was ordered, sold or published, so it is never deleted.
    Sold(ProductDependents),
    /// Its policies and discount codes would be deleted with it; the caller must agree.
    HasDependents(ProductDependents),
    /// There is no such product.
    Unknown,
}

/// Deletes a product that was never ordered or published; with `dependents`, its policies
/// and discount codes too.
pub async fn delete(
    database: &Database,
    actor: &Actor,
    id: &str,
    dependents: bool,
    audit_id: &str,
) -> Result<ProductDeletion, DatabaseError> {
    let mut batch = Batch::new();
    let attached = batch.read::<ProductDependents>(Statement::new(
        "SELECT (SELECT count(*) FROM policies WHERE product_id = p.id) AS policies,
                (SELECT count(*) FROM discount_codes WHERE product_id = p.id) AS discount_codes,
                (SELECT count(*) FROM invoices WHERE product_id = p.id) AS invoices,
                (SELECT count(*) FROM licenses WHERE product_id = p.id) AS licenses,
                (SELECT count(*) FROM releases WHERE product_id = p.id) AS releases
         FROM products p WHERE id = ?1",
        [id.into()],
    ));
    // The entry says whether the rest may happen; see `difference`.
    batch.write(Statement::new(
        "INSERT INTO audit (id, at, actor, action, object_kind, object_id, before, request_id)
         SELECT ?1, ?2, ?3, 'product.delete', 'product', id,
                json_object('slug', slug, 'name', name, 'description', description,
                            'price_amount', price_amount, 'price_currency', price_currency,
                            'active', json(iif(active, 'true', 'false')),
                            'metadata', json(metadata),
                            'entitlements_catalog', json(entitlements_catalog),
                            'merchant_profile_id', merchant_profile_id,
                            'policies', json((SELECT json_group_array(slug) FROM policies
                                              WHERE product_id = p.id)),
                            'discount_codes', json((SELECT json_group_array(code)
                                                    FROM discount_codes
                                                    WHERE product_id = p.id))),
                ?5
         FROM products p
         WHERE id = ?4
           AND NOT EXISTS (SELECT 1 FROM invoices WHERE product_id = p.id)
           AND NOT EXISTS (SELECT 1 FROM licenses WHERE product_id = p.id)
           AND NOT EXISTS (SELECT 1 FROM releases WHERE product_id = p.id)
           AND (?6 OR NOT EXISTS (SELECT 1 FROM policies WHERE product_id = p.id))
           AND (?6 OR NOT EXISTS (SELECT 1 FROM discount_codes WHERE product_id = p.id))",
        [
            audit_id.into(),
            actor.at.into(),
            actor.name.as_ref().into(),
            id.into(),
            (&actor.request_id).into(),
            dependents.into(),
        ],
    ));
    let deletions = [
        "DELETE FROM discount_codes
         WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "DELETE FROM release_gates
         WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "DELETE FROM release_keys
         WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "DELETE FROM uploads
         WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "DELETE FROM policies
         WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        "DELETE FROM products WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
    ];
    batch.extend(deletions.map(|sql| Statement::new(sql, [id.into(), audit_id.into()])));
    batch.write(announcement::of_entry(audit_id));
    let deleted = batch.read::<Row>(audit::select_id(audit_id));
    let mut rows = batch.run(database).await?;
    let Some(found) = rows.first(attached)? else {
        return Ok(ProductDeletion::Unknown);
    };
    let is_sold = found.invoices + found.licenses + found.releases > 0;
    Ok(match (rows.any(deleted)?, is_sold) {
        (true, _) => ProductDeletion::Deleted(found),
        (false, true) => ProductDeletion::Sold(found),
        (false, false) => ProductDeletion::HasDependents(found),
    })
}
