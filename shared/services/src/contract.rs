//! Recorded things as the Keysat contract shows them.

use keywright_domain::dates::rfc3339;
use keywright_domain::money::{Currency, Sats};
use keywright_store::catalog::products::Product;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A product, as in `GET /v1/products/{slug}`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Product)]
pub struct ProductView {
    /// UUID.
    id: String,
    /// Its name in URLs.
    slug: String,
    /// Its name for people.
    name: String,
    /// What it is; may be empty.
    description: String,
    /// The price in sats where `price_currency` is `SAT`; else 0, because
    /// what a price in dollars or euros is in sats is known only when an
    /// invoice is made. Whether it is free is what `price_value` says.
    price_sats: i64,
    /// `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "USD")]
    price_currency: Currency,
    /// Price in the smallest unit of `price_currency`: sats or cents; 0 is
    /// free.
    price_value: i64,
    /// Whether it is on sale.
    active: bool,
    /// Free-form members of the operator.
    #[schema(value_type = Object)]
    metadata: Value,
    /// What each entitlement means: `{slug, name, description}`; null when the
    /// operator does not say.
    #[schema(value_type = Option<Vec<Object>>)]
    entitlements_catalog: Option<Value>,
    /// UUID of the business that sells it; null the default one.
    merchant_profile_id: Option<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

impl From<Product> for ProductView {
    fn from(product: Product) -> Self {
        Self {
            id: product.id,
            slug: product.slug,
            name: product.name,
            description: product.description,
            price_sats: product.price.sats().map_or(0, Sats::get),
            price_currency: product.price.currency(),
            price_value: product.price.amount(),
            active: product.active,
            metadata: product.metadata,
            entitlements_catalog: product.entitlements_catalog,
            merchant_profile_id: product.merchant_profile_id,
            created_at: rfc3339(product.created_at),
            updated_at: rfc3339(product.updated_at),
        }
    }
}
