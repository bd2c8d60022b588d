//! `GET /v1/products/{slug}/policies`: the policies that a product is sold under, cheapest
//! first. No member of a product or policy is null but `featured_discount`: the
//! Rust SDK refuses null where it expects a value.
//!
//! The contract has prices here in the smallest unit of the product's currency,
//! under names that end in `_sats`: they are sats for a product priced in sats
//! and cents for one priced in dollars or euros. `price_currency` says which.

use crate::product_lookup;
use crate::selection::{offered, price};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::dates::rfc3339;
use keywright_domain::discount::applies::{CodeOrder, featured};
use keywright_domain::money::{Currency, Price};
use keywright_domain::offer::{DefaultPolicy, default_policy};
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::discount_codes::{self, DiscountCode};
use keywright_store::catalog::policies::{self, Policy};
use keywright_store::catalog::products::Product;
use keywright_web::openapi::{Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A product and the policies that it is sold under.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicPolicies)]
pub(crate) struct Policies {
    product: ProductHead,
    /// Cheapest first, then by name.
    policies: Vec<PolicyView>,
}

/// The product.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicProduct)]
struct ProductHead {
    /// Its name in URLs.
    slug: String,
    /// Its name for people.
    name: String,
    /// What it is; may be empty.
    description: String,
    /// What every price here is in: `SAT`, `USD` or `EUR`. The members named
    /// `…_sats` are in its smallest unit: sats, or cents.
    #[schema(value_type = String, example = "SAT")]
    price_currency: Currency,
    /// The product's own price, before any discount.
    base_price_sats: i64,
    /// Whether an order without `policy_slug` buys the product itself at
    /// `base_price_sats`: only where it has no policies at all, hidden ones included.
    sold_without_policy: bool,
    /// What each entitlement means; empty if the vendor does not say.
    entitlements_catalog: Vec<CatalogEntry>,
}

/// What an entitlement means.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicEntitlement)]
struct CatalogEntry {
    /// The entitlement, as it stands in a license.
    slug: String,
    /// Its name for people.
    name: String,
    /// What it unlocks; may be empty.
    description: String,
}

/// A policy that can be bought.
#[derive(Serialize, ToSchema)]
#[schema(as = PublicPolicy)]
struct PolicyView {
    /// Its name in requests.
    slug: String,
    /// Its name for people.
    name: String,
    /// What it is; may be empty.
    description: String,
    /// The price before any discount, in the smallest unit of the product's
    /// `price_currency`.
    price_sats: i64,
    /// Seconds from issue to expiry; 0 never.
    duration_seconds: i64,
    /// Machines at once; 0 is unlimited.
    max_machines: i64,
    /// Whether the license is a trial.
    is_trial: bool,
    /// What the license unlocks, those in `hidden_entitlements` too.
    entitlements: Vec<String>,
    /// Its place on the ladder of tiers, higher is better; absent for a policy
    /// outside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tier_rank: Option<i64>,
    /// Whether the vendor recommends it.
    highlighted: bool,
    /// Whether it is sold by the period.
    is_recurring: bool,
    /// Days that one payment buys; 0 where it is sold once.
    renewal_period_days: i64,
    /// What each later period costs, in the smallest unit of `price_currency`; absent where
    /// it is sold once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    renewal_price_sats: Option<i64>,
    /// Days before the first payment; 0 without a trial.
    trial_days: i64,
    /// Marketing texts.
    marketing_bullets: Vec<String>,
    /// `above` or `below` the entitlements.
    marketing_bullets_position: &'static str,
    /// Entitlements not to show.
    hidden_entitlements: Vec<String>,
    /// The discount that a purchase with this `policy_slug` gets without a code; null for
    /// none.
    featured_discount: Option<FeaturedDiscount>,
}

/// A discount code that buyers get without asking.
#[derive(Serialize, ToSchema)]
struct FeaturedDiscount {
    /// The code.
    code: String,
    /// `percent`, `fixed_sats`, `set_price` or `free_license`.
    kind: &'static str,
    /// Basis points for `percent` (2500 is 25 %), the smallest unit of
    /// `price_currency` for `fixed_sats` and `set_price`, 0 for `free_license`.
    amount: i64,
    /// What it is for; may be empty.
    description: String,
    /// When it ends, RFC 3339; null never.
    expires_at: Option<String>,
    /// How often it may be used; null for no limit.
    max_uses: Option<i64>,
    /// How often it was used or is reserved.
    used_count: i64,
    /// How often it may still be used; null for no limit.
    remaining_uses: Option<i64>,
    /// What it takes off this policy's price, in the smallest unit of
    /// `price_currency`.
    discount_applied_sats: i64,
    /// This policy's price with it, in the same unit.
    discounted_price_sats: i64,
}

/// Lists the policies of a product
///
/// Policies that are active, public and not archived, each with the discount
/// that a purchase would get without a code.
#[utoipa::path(
    get,
    path = "/v1/products/{slug}/policies",
    operation_id = "listPoliciesOnSale",
    tag = "catalogue",
    params(("slug" = String, Path, description = "Slug of the product")),
    responses((status = 200, body = Policies), Failures, Unknown)
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    slug: Result<Path<String>, PathRejection>,
) -> Result<Json<Policies>, ApiError> {
    let slug = slug.map_or_else(|_| String::new(), |Path(slug)| slug);
    let product = product_lookup::on_sale(&database, &slug).await?;
    let policies = policies::all_of_product(&database, &product.id).await?;
    let sold_without_policy =
        default_policy(policies.iter().map(offered)) == DefaultPolicy::Product;
    let now = stamps.now();
    let codes = discount_codes::featured(&database, &product.id, now).await?;
    let shown = policies.into_iter().filter(Policy::is_for_sale);
    let policies = shown.map(|policy| view(policy, &product, &codes, now));
    let policies = policies.collect::<Result<_, _>>()?;
    Ok(Json(Policies {
        product: head(product, sold_without_policy),
        policies,
    }))
}

fn head(product: Product, sold_without_policy: bool) -> ProductHead {
    let catalog = product.entitlements_catalog.unwrap_or_default();
    ProductHead {
        slug: product.slug,
        name: product.name,
        description: product.description,
        price_currency: product.price.currency(),
        base_price_sats: product.price.amount(),
        sold_without_policy,
        entitlements_catalog: catalog
            .as_array()
            .into_iter()
            .flatten()
            .map(|entry| CatalogEntry {
                slug: text(entry, "slug"),
                name: text(entry, "name"),
                description: text(entry, "description"),
            })
            .collect(),
    }
}

fn view(
    policy: Policy,
    product: &Product,
    codes: &[DiscountCode],
    now: i64,
) -> Result<PolicyView, ApiError> {
    let base = price(&policy, product)?;
    let ordered = CodeOrder {
        product_id: &product.id,
        policy_id: Some(&policy.id),
        currency: base.currency(),
        now,
    };
    let first = featured(codes, |code| code.recorded(), ordered, base);
    let recurrence = policy.recurrence();
    let recurrence = recurrence.map_err(|error| ApiError::internal(error.to_string()))?;
    let metadata = &policy.metadata;
    Ok(PolicyView {
        featured_discount: first.first().map(|code| discount(code, base)),
        description: text(metadata, "description"),
        highlighted: metadata["highlight"] == Value::Bool(true),
        marketing_bullets: texts(metadata, "marketing_bullets"),
        marketing_bullets_position: match metadata["marketing_bullets_position"].as_str() {
            Some("below") => "below",
            _ => "above",
        },
        hidden_entitlements: texts(metadata, "hidden_entitlements"),
        slug: policy.slug,
        name: policy.name,
        price_sats: base.amount(),
        duration_seconds: policy.duration_seconds,
        max_machines: policy.max_machines,
        is_trial: policy.is_trial,
        entitlements: policy.entitlements,
        tier_rank: policy.tier_rank,
        is_recurring: recurrence.is_some(),
        renewal_period_days: recurrence.map_or(0, |one| one.period_days),
        renewal_price_sats: recurrence
            .map(|_| policy.renewal_price_amount.unwrap_or(base.amount())),
        trial_days: recurrence.map_or(0, |one| one.trial_days),
    })
}

fn discount(code: &DiscountCode, base: Price) -> FeaturedDiscount {
    let price = code.discount.price(base);
    FeaturedDiscount {
        code: code.code.clone(),
        kind: code.discount.kind().as_str(),
        amount: code.discount.amount(),
        description: code.description.clone(),
        expires_at: code.expires_at.map(rfc3339),
        max_uses: code.max_uses,
        used_count: code.used_count,
        remaining_uses: code.recorded().remaining_uses(),
        discount_applied_sats: base.amount() - price.amount(),
        discounted_price_sats: price.amount(),
    }
}

/// A member that is text; anything else is empty.
fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_default().to_owned()
}

/// The texts of a member that is a list.
fn texts(object: &Value, member: &str) -> Vec<String> {
    let items = object[member].as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}
