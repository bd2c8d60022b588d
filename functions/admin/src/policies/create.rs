//! `POST /v1/admin/policies`: a new policy of a product.

use super::{PolicyView, changed_meanwhile, check_rank_and_activations, invalid, metadata, price};
use crate::caps::AtCap;
use crate::text::check_name;
use crate::{Operator, Ports};
use keywright_domain::instance_tier::CappedResource;
use keywright_domain::money::Price;
use keywright_domain::pasted::PastedLower;
use keywright_domain::slug::Slug;
use keywright_domain::subscription::terms::{MAX_DAYS, Recurrence};
use keywright_domain::terms::Terms;
use keywright_store::catalog::creation::Creation;
use keywright_store::catalog::policies::{self, Policy};
use keywright_store::catalog::products;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What is not sent: the product's price, perpetual, no grace, one machine,
/// no entitlements, no trial, active and public, outside the ladder.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyInput {
    /// The product it belongs to.
    #[schema(value_type = String, pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    product_slug: PastedLower,
    /// Its name in requests: 1 to 64 characters `a-z`, `0-9`, `-` and `_`.
    #[schema(pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    slug: String,
    /// Its name for people, 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Its own price in the smallest unit of the product's currency: sats, or
    /// cents; also taken as `price_sats`.
    #[serde(alias = "price_sats")]
    #[schema(minimum = 0)]
    price_sats_override: Option<i64>,
    /// What the price is meant in: `SAT`, `USD` or `EUR`. Not needed; where it
    /// is not the product's currency, the request is refused.
    #[schema(pattern = "^(SAT|USD|EUR)$")]
    price_currency: Option<String>,
    /// Seconds from issue to expiry; 0 never.
    #[schema(minimum = 0, maximum = 3_153_600_000_i64)]
    duration_seconds: Option<i64>,
    /// Seconds after expiry in which a license still validates.
    #[schema(minimum = 0, maximum = 3_153_600_000_i64)]
    grace_seconds: Option<i64>,
    /// Machines at once, 0 to 1000000; 0 is unlimited.
    #[schema(minimum = 0, maximum = 1_000_000)]
    max_machines: Option<i64>,
    /// What it unlocks, in the order keys carry it.
    #[schema(max_items = 255)]
    entitlements: Option<Vec<String>>,
    /// Whether it is a trial.
    is_trial: Option<bool>,
    /// Seconds from issue in which new versions are included; not sent: every
    /// version is.
    #[schema(minimum = 1, maximum = 3_153_600_000_i64)]
    maintenance_seconds: Option<i64>,
    /// Whether it is sold by the period. One payment then buys `renewal_period_days`, and
    /// `duration_seconds` and `grace_seconds` mean nothing.
    is_recurring: Option<bool>,
    /// Days that one payment buys, 1 to 3660; needed with `is_recurring`.
    #[schema(minimum = 1, maximum = 3_660)]
    renewal_period_days: Option<i64>,
    /// Days before the first payment, 0 to 3660; one trial for each buyer and product.
    #[schema(minimum = 0, maximum = 3_660)]
    trial_days: Option<i64>,
    /// Days after a paid period in which a license still validates, 0 to 90 and less than
    /// the period; not sent: 7, at most half the period.
    #[schema(minimum = 0, maximum = 90)]
    grace_period_days: Option<i64>,
    /// What a renewal costs, in the smallest unit of the product's currency; not sent: as
    /// much as the first period.
    #[schema(minimum = 0)]
    renewal_price_sats: Option<i64>,
    /// Its place on the ladder, 0 to 1000, higher is better.
    #[schema(minimum = 0, maximum = 1_000)]
    tier_rank: Option<i64>,
    /// Activations of a license in 24 hours, 0 to 1000000; 0 is unlimited.
    #[schema(minimum = 0, maximum = 1_000_000)]
    max_activations_per_day: Option<i64>,
    /// Whether it can be bought.
    active: Option<bool>,
    /// Whether buyers see it.
    public: Option<bool>,
    /// Free-form members, at most 20000 bytes of JSON. Shown to buyers:
    /// `description` (text), `highlight` (boolean), `marketing_bullets` (up to
    /// 20 texts), `marketing_bullets_position` (`above` or `below`),
    /// `hidden_entitlements` (texts).
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// Makes a policy of a product.
#[utoipa::path(
    post,
    path = "/v1/admin/policies",
    operation_id = "createPolicy",
    tag = "policies",
    request_body = PolicyInput,
    responses(
        (status = 200, description = "The policy.", body = PolicyView),
        BodyRefusals, AccessRefusals, AtCap, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    new: Result<Json<PolicyInput>, ApiError>,
) -> Result<Json<PolicyView>, ApiError> {
    let Json(new) = new?;
    let slug =
        Slug::parse(&new.slug).map_err(|error| ApiError::bad_request(format!("slug {error}")))?;
    check_name(&new.name)?;
    let metadata = new.metadata.unwrap_or_else(|| json!({}));
    metadata::check(&metadata)?;
    check_rank_and_activations(new.tier_rank, new.max_activations_per_day)?;
    let usual = Terms::default();
    let terms = Terms {
        duration_seconds: new.duration_seconds.unwrap_or(usual.duration_seconds),
        grace_seconds: new.grace_seconds.unwrap_or(usual.grace_seconds),
        max_machines: new.max_machines.unwrap_or(usual.max_machines),
        entitlements: new.entitlements.unwrap_or(usual.entitlements),
        is_trial: new.is_trial.unwrap_or(usual.is_trial),
        maintenance_seconds: new.maintenance_seconds,
    };
    terms
        .check()
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let (is_recurring, trial_days) = (
        new.is_recurring.unwrap_or(false),
        new.trial_days.unwrap_or(0),
    );
    // Members of a policy that is sold once are kept for the day when it is not.
    let period_days = new
        .renewal_period_days
        .or((!is_recurring).then_some(MAX_DAYS));
    Recurrence::new(period_days, trial_days, new.grace_period_days).map_err(invalid)?;
    let product = products::find(&ports.database, new.product_slug.as_str())
        .await?
        .ok_or_else(|| ApiError::not_found("there is no product with this product_slug"))?;
    let currency = product.price.currency();
    let meant = new.price_currency.as_deref();
    let checked = |member: &str, amount: Option<i64>| {
        let checked = amount.map(|amount| price(member, amount, meant, currency));
        checked.transpose().map(|price| price.map(Price::amount))
    };
    let price_amount = checked("price_sats_override", new.price_sats_override)?;
    let renewal_price_amount = checked("renewal_price_sats", new.renewal_price_sats)?;
    let policy = Policy {
        id: ports.stamps.new_id(),
        product_id: product.id,
        slug: slug.into(),
        name: new.name,
        price_amount,
        price_currency: currency,
        duration_seconds: terms.duration_seconds,
        grace_seconds: terms.grace_seconds,
        max_machines: terms.max_machines,
        entitlements: terms.entitlements,
        is_trial: terms.is_trial,
        maintenance_seconds: terms.maintenance_seconds,
        is_recurring,
        renewal_period_days: new.renewal_period_days,
        trial_days,
        grace_period_days: new.grace_period_days,
        renewal_price_amount,
        tier_rank: new.tier_rank,
        max_activations_per_day: new.max_activations_per_day,
        active: new.active.unwrap_or(true),
        public: new.public.unwrap_or(true),
        archived_at: None,
        metadata,
        created_at: actor.at,
        updated_at: actor.at,
    };
    let audit_id = ports.stamps.new_id();
    let caps = ports.caps().await?;
    let cap = caps.of(CappedResource::PoliciesPerProduct);
    let created = policies::create(&ports.database, &actor, &policy, audit_id, cap)
        .await
        .map_err(|error| {
            if error.is_unique_violation("policies.slug") {
                ApiError::conflict("slug is taken by another policy of this product")
            } else {
                error.into()
            }
        })?;
    match created {
        Creation::Created => Ok(Json(policy.into())),
        Creation::AtCap { usage } => {
            Err(caps.reached(CappedResource::PoliciesPerProduct, Some(usage)))
        }
        Creation::Refused => Err(changed_meanwhile()),
    }
}
