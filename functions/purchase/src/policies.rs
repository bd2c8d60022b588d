//! `GET /v1/products/{slug}/policies`: what a product is sold under, cheapest
//! first. No member is null: the Rust SDK refuses null where it expects a
//! value.

use crate::Ports;
use crate::product::on_sale;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_edge::http::{ApiError, Json};
use keywright_store::policies::{self, Policy};
use keywright_store::products::Product;
use serde::Serialize;
use serde_json::{Value, json};

/// A product and its public policies.
#[derive(Serialize)]
pub(crate) struct Policies {
    product: ProductHead,
    policies: Vec<PolicyView>,
}

#[derive(Serialize)]
struct ProductHead {
    slug: String,
    name: String,
    description: String,
    base_price_sats: i64,
    entitlements_catalog: Value,
}

#[derive(Serialize)]
struct PolicyView {
    slug: String,
    name: String,
    description: String,
    price_sats: i64,
    duration_seconds: i64,
    max_machines: i64,
    is_trial: bool,
    entitlements: Vec<String>,
    highlighted: bool,
    is_recurring: bool,
    renewal_period_days: i64,
    trial_days: i64,
    marketing_bullets: Value,
    marketing_bullets_position: Value,
    hidden_entitlements: Value,
    featured_discount: Option<Value>,
}

/// 404 when the product is unknown or not on sale.
pub(crate) async fn handler(
    State(ports): State<Ports>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<Json<Policies>, ApiError> {
    let product = on_sale(&ports, slug.ok().map(|Path(slug)| slug)).await?;
    let policies = policies::of_product(&ports.database, &product.id).await?;
    let shown = policies.into_iter().filter(Policy::is_for_sale);
    let policies = shown
        .map(|policy| view(policy, product.price_amount))
        .collect();
    Ok(Json(Policies {
        product: head(product),
        policies,
    }))
}

fn head(product: Product) -> ProductHead {
    ProductHead {
        slug: product.slug,
        name: product.name,
        description: product.description,
        base_price_sats: product.price_amount,
        entitlements_catalog: product
            .entitlements_catalog
            .filter(Value::is_array)
            .unwrap_or_else(|| json!([])),
    }
}

fn view(policy: Policy, base_price_sats: i64) -> PolicyView {
    let text = |name: &str| policy.metadata[name].as_str().map(str::to_owned);
    let list = |name: &str| match &policy.metadata[name] {
        Value::Array(items) => items
            .iter()
            .filter(|item| item.is_string())
            .cloned()
            .collect(),
        _ => Value::Array(Vec::new()),
    };
    let position = match text("marketing_bullets_position").as_deref() {
        Some("below") => "below",
        _ => "above",
    };
    PolicyView {
        description: text("description").unwrap_or_default(),
        highlighted: policy.metadata["highlight"] == Value::Bool(true),
        marketing_bullets: list("marketing_bullets"),
        marketing_bullets_position: position.into(),
        hidden_entitlements: list("hidden_entitlements"),
        slug: policy.slug,
        name: policy.name,
        price_sats: policy.price_amount.unwrap_or(base_price_sats),
        duration_seconds: policy.duration_seconds,
        max_machines: policy.max_machines,
        is_trial: policy.is_trial,
        entitlements: policy.entitlements,
        is_recurring: false,
        renewal_period_days: 0,
        trial_days: 0,
        featured_discount: None,
    }
}
