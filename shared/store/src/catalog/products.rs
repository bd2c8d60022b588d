//! Products.

use crate::catalog::creation::{Creation, Usage};
use crate::columns;
use crate::operator::audit::{self, Actor, AuditedChange};
use crate::paging;
use keywright_domain::money::Price;
use keywright_domain::page::Page;
use keywright_domain::webhook::event_type::EventType;
use keywright_ports::{Batch, Database, DatabaseError, Reader, Row, Statement};
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
    /// What it costs where no policy says otherwise.
    #[serde(flatten)]
    pub price: Price,
    /// Whether it is on sale.
    #[serde(deserialize_with = "columns::flag")]
    pub active: bool,
    /// Free-form members of the operator.
    #[serde(deserialize_with = "columns::json")]
    pub metadata: Value,
    /// What each entitlement means, where the operator says so.
    #[serde(deserialize_with = "columns::optional_json")]
    pub entitlements_catalog: Option<Value>,
    /// The business that sells it; `None` the default one.
    pub merchant_profile_id: Option<String>,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub updated_at: i64,
}

/// The statement that reads whole products.
macro_rules! select_products {
    ($rest:literal) => {
        concat!(
            "SELECT id, slug, name, description, price_amount, price_currency, active,
                    metadata, entitlements_catalog, merchant_profile_id, created_at, updated_at
             FROM products ",
            $rest
        )
    };
}

const BY_SLUG: &str = select_products!("WHERE slug = ?1");
pub(crate) const BY_ID: &str = select_products!("WHERE id = ?1");

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
    database.first(Statement::new(BY_ID, [id.into()])).await
}

/// A product on sale, with what its policies cost.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OnSale {
    /// The product.
    #[serde(flatten)]
    pub product: Product,
    /// How many policies it has, those that are not for sale included.
    pub policies: i64,
    /// The lowest price of a policy for sale; `None` where none is.
    pub lowest: Option<i64>,
    /// The highest price of a policy for sale.
    pub highest: Option<i64>,
}

/// Every product on sale, by slug. An operator has a handful.
///
/// # Errors
/// [`DatabaseError`].
pub async fn on_sale(database: &Reader) -> Result<Vec<OnSale>, DatabaseError> {
    let statement = Statement::new(
        "SELECT p.id, p.slug, p.name, p.description, p.price_amount, p.price_currency, p.active,
                p.metadata, p.entitlements_catalog, p.merchant_profile_id, p.created_at,
                p.updated_at, count(o.id) AS policies,
                min(iif(o.active AND o.public AND o.archived_at IS NULL,
                        coalesce(o.price_amount, p.price_amount), NULL)) AS lowest,
                max(iif(o.active AND o.public AND o.archived_at IS NULL,
                        coalesce(o.price_amount, p.price_amount), NULL)) AS highest
         FROM products p LEFT JOIN policies o ON o.product_id = p.id
         WHERE p.active = 1 GROUP BY p.id ORDER BY p.slug",
        [],
    );
    database.query(statement).await
}

/// A page of all products, on sale or not, newest first. Asks for one row
/// more than `limit`, so that the caller sees whether there is a next page.
///
/// # Errors
/// [`DatabaseError`].
pub async fn page(database: &Reader, page: &Page) -> Result<Vec<Product>, DatabaseError> {
    let statement = Statement::new(
        select_products!(
            "WHERE ?1 IS NULL OR (created_at, id) < (?1, ?2)
             ORDER BY created_at DESC, id DESC LIMIT ?3"
        ),
        paging::params(page),
    );
    database.query(statement).await
}

/// Records a new product, its audit entry and its event, if there are fewer products than
/// `cap`; refused when there is no such business.
///
/// # Errors
/// [`DatabaseError`]; a slug in use is a unique violation of `products.slug`.
pub async fn create(
    database: &Database,
    actor: &Actor,
    product: &Product,
    audit_id: String,
    event_id: &str,
    cap: Option<i64>,
) -> Result<Creation, DatabaseError> {
    let insert = Statement::new(
        "INSERT INTO products (id, slug, name, description, price_amount, price_currency, active,
                               metadata, entitlements_catalog, created_at, updated_at,
                               merchant_profile_id)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11
         WHERE (?11 IS NULL OR EXISTS (SELECT 1 FROM merchant_profiles WHERE id = ?11))
           AND (?12 IS NULL OR (SELECT count(*) FROM products) < ?12)",
        [
            (&product.id).into(),
            (&product.slug).into(),
            (&product.name).into(),
            (&product.description).into(),
            product.price.amount().into(),
            product.price.currency().as_str().into(),
            product.active.into(),
            product.metadata.to_string().into(),
            product
                .entitlements_catalog
                .as_ref()
                .map(Value::to_string)
                .into(),
            product.created_at.into(),
            product.merchant_profile_id.as_ref().into(),
            cap.into(),
        ],
    );
    let event = serde_json::json!({ "product_id": product.id, "slug": product.slug });
    let entry = AuditedChange {
        id: audit_id,
        action: "product.create",
        object_kind: "product",
        object_id: product.id.clone(),
        before: None,
        after: serde_json::to_value(product).ok(),
    };
    let mut batch = Batch::new();
    batch.write(insert);
    batch.write(audit::event_if_changed(
        event_id,
        actor.at,
        EventType::ProductCreated,
        &event,
    ));
    // The event is written where the product was.
    batch.write(audit::insert_if_changed(actor, entry));
    let created = batch.read::<Row>(Statement::new(BY_ID, [(&product.id).into()]));
    let usage = batch.read::<Usage>(Statement::new("SELECT count(*) AS count FROM products", []));
    let mut rows = batch.run(database).await?;
    let is_created = rows.any(created)?;
    Ok(rows.one(usage)?.creation(is_created, cap))
}
