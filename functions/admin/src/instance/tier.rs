//! `GET /v1/admin/tier`: what the instance may have in use, and what it has.

use crate::Ports;
use axum::extract::State;
use keywright_domain::instance_tier::{InstanceCaps, InstanceTier};
use keywright_store::operator::instance_license;
use keywright_web::openapi::{AccessRefusals, Failures};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// The tier of the instance.
#[derive(Serialize, ToSchema)]
pub(crate) struct TierAnswer {
    /// `creator`, `pro` or `patron`; `unlimited` where the host sets no caps.
    #[schema(example = "unlimited")]
    tier: &'static str,
    /// Its name for people.
    #[schema(example = "Unlimited")]
    tier_name: &'static str,
    /// Whether `SANDBOX_MODE` is on.
    sandbox: bool,
    /// What the instance's license unlocks.
    entitlements: Vec<String>,
    /// How much is in use.
    usage: TierUsage,
    /// How much may be in use.
    caps: TierCaps,
    /// The tier above; null where there is none.
    #[schema(required)]
    next_tier: Option<&'static str>,
    /// Where it is sold.
    #[schema(required)]
    upgrade_url: Option<String>,
}

/// How much is in use.
#[derive(Serialize, ToSchema)]
pub(crate) struct TierUsage {
    /// Products, on sale or not.
    products: i64,
    /// Policies that are not archived, of the product that has the most.
    policies_per_product: i64,
    /// Discount codes that are enabled.
    active_codes: i64,
    /// Businesses.
    merchant_profiles: i64,
}

/// How much may be in use; null is unlimited.
#[derive(Serialize, ToSchema)]
pub(crate) struct TierCaps {
    /// Products, on sale or not.
    #[schema(required)]
    products: Option<i64>,
    /// Policies of one product that are not archived.
    #[schema(required)]
    policies_per_product: Option<i64>,
    /// Discount codes that are enabled.
    #[schema(required)]
    active_codes: Option<i64>,
    /// Businesses.
    #[schema(required)]
    merchant_profiles: Option<i64>,
}

/// Shows what the instance may have in use, and what it has
///
/// Keywright has no caps of its own; a host that runs shops for others may set them.
#[utoipa::path(
    get,
    path = "/v1/admin/tier",
    operation_id = "getTier",
    tag = "instance",
    responses((status = 200, body = TierAnswer), AccessRefusals, Failures)
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Result<Json<TierAnswer>, ApiError> {
    let standing = ports
        .licensing
        .standing(&ports.database, ports.stamps.now());
    let standing = standing.await?;
    let usage = instance_license::usage(&ports.database).await?;
    let entitlements = standing.map(|standing| standing.entitlements);
    let tier = entitlements.as_deref().map(InstanceTier::of);
    let caps = entitlements
        .as_deref()
        .map_or(InstanceCaps::NONE, InstanceCaps::of);
    let upgrade_url = entitlements.as_deref();
    let upgrade_url = upgrade_url.and_then(|of| ports.licensing.upgrade_url(of));
    Ok(Json(TierAnswer {
        tier: tier.map_or("unlimited", InstanceTier::as_str),
        tier_name: tier.map_or("Unlimited", InstanceTier::name),
        sandbox: ports.providers.sandbox,
        usage: TierUsage {
            products: usage.products,
            policies_per_product: usage.policies_per_product,
            active_codes: usage.active_codes,
            merchant_profiles: usage.merchant_profiles,
        },
        caps: TierCaps {
            products: caps.products,
            policies_per_product: caps.policies_per_product,
            active_codes: caps.active_codes,
            merchant_profiles: caps.merchant_profiles,
        },
        next_tier: tier.and_then(InstanceTier::next).map(InstanceTier::as_str),
        upgrade_url,
        entitlements: entitlements.unwrap_or_default(),
    }))
}
