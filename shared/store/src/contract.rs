//! Recorded things as the Keysat contract shows them.

use crate::products::Product;
use keywright_domain::dates::rfc3339;
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
    /// Price in sats; 0 is free.
    price_sats: i64,
    /// `SAT`.
    price_currency: String,
    /// Price in the smallest unit of `price_currency`.
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
            price_sats: product.price_amount,
            price_currency: product.price_currency,
            price_value: product.price_amount,
            active: product.active,
            metadata: product.metadata,
            entitlements_catalog: product.entitlements_catalog,
            merchant_profile_id: product.merchant_profile_id,
            created_at: rfc3339(product.created_at),
            updated_at: rfc3339(product.updated_at),
        }
    }
}
