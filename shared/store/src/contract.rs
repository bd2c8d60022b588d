//! Recorded things as the Keysat contract shows them.

use crate::products::Product;
use keywright_domain::dates::rfc3339;
use serde::Serialize;
use serde_json::Value;

/// A product, as in `GET /v1/products/{slug}`.
#[derive(Debug, Serialize)]
pub struct ProductView {
    id: String,
    slug: String,
    name: String,
    description: String,
    price_sats: i64,
    price_currency: String,
    price_value: i64,
    active: bool,
    metadata: Value,
    entitlements_catalog: Option<Value>,
    merchant_profile_id: Option<String>,
    created_at: String,
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
            merchant_profile_id: None,
            created_at: rfc3339(product.created_at),
            updated_at: rfc3339(product.updated_at),
        }
    }
}
