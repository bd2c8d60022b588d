//! Products.

use crate::audit::{self, Actor, Entry};
use crate::columns;
use keywright_edge::ports::{Database, DatabaseError, Reader, Statement, decode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A product as recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// `UUIDv7`.
    pub id: String,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Price in the smallest unit of the currency.
    pub price_amount: i64,
    /// `SAT`.
    pub price_currency: String,
    /// Whether it is on sale.
    #[serde(deserialize_with = "columns::flag")]
    pub active: bool,
    /// Free-form members of the operator.
    #[serde(deserialize_with = "columns::json")]
    pub metadata: Value,
    /// What each entitlement means, where the operator says so.
    #[serde(deserialize_with = "columns::optional_json")]
    pub entitlements_catalog: Option<Value>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

/// What an operator may change. `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// New name.
    pub name: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New price in sats.
    pub price_amount: Option<i64>,
    /// On sale or not.
    pub active: Option<bool>,
    /// New metadata.
    pub metadata: Option<Value>,
    /// New catalogue; `Some(None)` clears it.
    pub entitlements_catalog: Option<Option<Value>>,
}

/// The statement that reads whole products.
macro_rules! select_products {
    ($rest:literal) => {
        concat!(
            "SELECT id, slug, name, description, price_amount, price_currency, active,
                    metadata, entitlements_catalog, created_at, updated_at
             FROM products ",
            $rest
        )
    };
}

const BY_SLUG: &str = select_products!("WHERE slug = ?1");

/// The product with this slug, on sale or not.
///
/// # Errors
/// [`DatabaseError`].
pub async fn find(database: &Reader, slug: &str) -> Result<Option<Product>, DatabaseError> {
    database.first(Statement::new(BY_SLUG, [slug.into()])).await
}

/// The product with this id, on sale or not.
///
/// # Errors
/// [`DatabaseError`].
pub async fn get(database: &Reader, id: &str) -> Result<Option<Product>, DatabaseError> {
    let statement = Statement::new(select_products!("WHERE id = ?1"), [id.into()]);
    database.first(statement).await
}

/// Every product on sale, by slug. An operator has a handful.
///
/// # Errors
/// [`DatabaseError`].
pub async fn on_sale(database: &Reader) -> Result<Vec<Product>, DatabaseError> {
    let statement = Statement::new(select_products!("WHERE active = 1 ORDER BY slug"), []);
    database.query(statement).await
}

/// Records a new product, its audit entry and its event.
///
/// # Errors
/// [`DatabaseError`]; a slug in use is a unique violation of `products.slug`.
pub async fn create(
    database: &Database,
    actor: &Actor,
    product: &Product,
    audit_id: String,
    event_id: &str,
) -> Result<(), DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO products (id, slug, name, description, price_amount, price_currency, active,
                               metadata, entitlements_catalog, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
        [
            (&product.id).into(),
            (&product.slug).into(),
            (&product.name).into(),
            (&product.description).into(),
            product.price_amount.into(),
            (&product.price_currency).into(),
            product.active.into(),
            product.metadata.to_string().into(),
            product
                .entitlements_catalog
                .as_ref()
                .map(Value::to_string)
                .into(),
            product.created_at.into(),
        ],
    );
    let event = serde_json::json!({ "product_id": product.id, "slug": product.slug });
    let entry = Entry {
        id: audit_id,
        action: "product.create",
        object_kind: "product",
        object_id: product.id.clone(),
        before: None,
        after: serde_json::to_value(product).ok(),
    };
    let batch = vec![
        insert,
        audit::event_if_changed(event_id, actor.at, "product.created", &event),
        audit::insert(actor, entry),
    ];
    database.batch(batch).await.map(drop)
}

/// Changes a product and answers it as it now is. `before` is for the audit
/// entry only; each member is changed by itself, so two operators changing
/// different members both succeed.
///
/// # Errors
/// [`DatabaseError`].
pub async fn change(
    database: &Database,
    actor: &Actor,
    before: &Product,
    changes: &Changes,
    audit_id: String,
) -> Result<Option<Product>, DatabaseError> {
    let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
    let update = Statement::new(
        "UPDATE products SET
           name = coalesce(?2, name),
           description = coalesce(?3, description),
           price_amount = coalesce(?4, price_amount),
           active = coalesce(?5, active),
           metadata = coalesce(?6, metadata),
           entitlements_catalog = CASE WHEN ?7 = 1 THEN ?8 ELSE entitlements_catalog END,
           updated_at = ?9
         WHERE id = ?1",
        [
            (&before.id).into(),
            changes.name.as_ref().into(),
            changes.description.as_ref().into(),
            changes.price_amount.into(),
            changes.active.into(),
            text(&changes.metadata).into(),
            changes.entitlements_catalog.is_some().into(),
            changes.entitlements_catalog.as_ref().and_then(text).into(),
            actor.at.into(),
        ],
    );
    let entry = Entry {
        id: audit_id,
        action: "product.change",
        object_kind: "product",
        object_id: before.id.clone(),
        before: serde_json::to_value(before).ok(),
        after: Some(changes.as_json()),
    };
    let batch = vec![
        update,
        audit::insert_if_changed(actor, entry),
        Statement::new(BY_SLUG, [(&before.slug).into()]),
    ];
    let mut answers = database.batch(batch).await?;
    Ok(decode(answers.pop().unwrap_or_default())?.pop())
}

impl Changes {
    /// The members that change, for the audit entry.
    fn as_json(&self) -> Value {
        audit::changed([
            ("name", self.name.clone().map(Value::from)),
            ("description", self.description.clone().map(Value::from)),
            ("price_amount", self.price_amount.map(Value::from)),
            ("active", self.active.map(Value::from)),
            ("metadata", self.metadata.clone()),
            (
                "entitlements_catalog",
                self.entitlements_catalog.clone().map(Value::from),
            ),
        ])
    }
}
