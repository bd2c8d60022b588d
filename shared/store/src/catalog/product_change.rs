//! What an operator changes of a product.

use crate::catalog::products::{BY_ID, Product};
use crate::difference::{self, Change, insert_difference};
use crate::operator::audit::Actor;
use keywright_domain::money::Price;
use keywright_ports::{Database, DatabaseError, Statement, decode};
use serde::Deserialize;
use serde_json::Value;

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
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

/// The row as the members of a change name it. No row when the change names a
/// business that does not exist, so that nothing of it is made. Nor for another
/// currency, while the number of a policy, which is in the product's, or the
/// amount of a code for this product would mean something else or nothing.
const DIFFERENCE: &str = insert_difference!(
    "SELECT id, json_object('name', name, 'description', description,
            'price_amount', price_amount, 'price_currency', price_currency,
            'active', json(iif(active, 'true', 'false')), 'metadata', json(metadata),
            'entitlements_catalog', json(entitlements_catalog),
            'merchant_profile_id', merchant_profile_id) AS doc
     FROM products
     WHERE id = ?6
       AND (?7 ->> '$.merchant_profile_id' IS NULL
            OR EXISTS (SELECT 1 FROM merchant_profiles
                       WHERE id = ?7 ->> '$.merchant_profile_id'))
       AND (coalesce(?7 ->> '$.price_currency', price_currency) = price_currency
            OR NOT EXISTS (SELECT 1 FROM policies
                           WHERE product_id = products.id AND price_amount IS NOT NULL)
               AND NOT EXISTS (SELECT 1 FROM discount_codes
                               WHERE product_id = products.id AND active = 1
                                 AND kind IN ('fixed_sats', 'set_price')
                                 AND currency <> ?7 ->> '$.price_currency'))"
);

/// Changes a product and answers it as it now is; `None` for an unknown id.
/// Each member is changed by itself, so two operators changing different
/// members both succeed. What changes nothing writes nothing.
///
/// Nothing is changed, and the answer has the old currency, where a new one is
/// asked for and policies of the product have prices of their own, or active
/// codes for it take money off in another currency.
///
/// # Errors
/// [`DatabaseError`].
pub async fn change(
    database: &Database,
    actor: &Actor,
    id: &str,
    changes: &Changes,
    audit_id: &str,
) -> Result<Option<Product>, DatabaseError> {
    let members = changes.as_json();
    let change = Change {
        audit_id,
        action: "product.change",
        object_kind: "product",
        object_id: id,
        members: &members,
    };
    let update = difference::update(
        "UPDATE products SET
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
        actor,
        &change,
    );
    let batch = vec![
        difference::entry(DIFFERENCE, actor, &change),
        update,
        Statement::new(BY_ID, [id.into()]),
    ];
    let mut answers = database.batch(batch).await?;
    Ok(decode(answers.pop().unwrap_or_default())?.pop())
}

impl Changes {
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

/// What hangs on a product, and whether it can be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attached {
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

impl Attached {
    /// Whether it was ever sold, ordered or published: then it is never
    /// deleted.
    #[must_use]
    pub fn was_sold(&self) -> bool {
        self.invoices > 0 || self.licenses > 0 || self.releases > 0
    }

    /// Whether something would go with it that the operator has to agree to.
    #[must_use]
    pub fn takes_along(&self) -> bool {
        self.policies > 0 || self.discount_codes > 0
    }
}

/// Deletes a product that was never ordered nor published; with `along`, its policies and
/// discount codes too. Answers what hung on it before, `None` for an unknown
/// id: deleted unless it [was sold](Attached::was_sold), or
/// [takes something along](Attached::takes_along) without `along`.
///
/// # Errors
/// [`DatabaseError`].
pub async fn delete(
    database: &Database,
    actor: &Actor,
    id: &str,
    along: bool,
    audit_id: &str,
) -> Result<Option<Attached>, DatabaseError> {
    let attached = Statement::new(
        "SELECT (SELECT count(*) FROM policies WHERE product_id = p.id) AS policies,
                (SELECT count(*) FROM discount_codes WHERE product_id = p.id) AS discount_codes,
                (SELECT count(*) FROM invoices WHERE product_id = p.id) AS invoices,
                (SELECT count(*) FROM licenses WHERE product_id = p.id) AS licenses,
                (SELECT count(*) FROM releases WHERE product_id = p.id) AS releases
         FROM products p WHERE id = ?1",
        [id.into()],
    );
    // The entry says whether the rest may happen; see `difference`.
    let entry = Statement::new(
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
            along.into(),
        ],
    );
    let if_told = |sql| Statement::new(sql, [id.into(), audit_id.into()]);
    let batch = vec![
        attached,
        entry,
        if_told(
            "DELETE FROM discount_codes
             WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        if_told(
            "DELETE FROM release_gates
             WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        if_told(
            "DELETE FROM release_keys
             WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        if_told(
            "DELETE FROM uploads
             WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        if_told(
            "DELETE FROM policies
             WHERE product_id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
        if_told(
            "DELETE FROM products
             WHERE id = ?1 AND EXISTS (SELECT 1 FROM audit WHERE id = ?2)",
        ),
    ];
    let answers = database.batch(batch).await?;
    Ok(decode(answers.into_iter().next().unwrap_or_default())?.pop())
}
