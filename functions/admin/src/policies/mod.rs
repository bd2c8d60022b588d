//! Routes for policies, one file each.

pub(crate) mod active;
pub(crate) mod archived;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
mod metadata;
pub(crate) mod public;
pub(crate) mod show;

use crate::ids::PolicyId;
use crate::{Done, Ports};
use keywright_domain::dates::rfc3339;
use keywright_domain::instance_tier::CappedResource;
use keywright_domain::money::{Currency, Price};
use keywright_domain::showcase::check_tier_rank;
use keywright_domain::subscription::terms::RecurrenceError;
use keywright_domain::terms::check_activations_per_day;
use keywright_store::ChangeOutcome;
use keywright_store::catalog::policies::Policy;
use keywright_store::catalog::policy_change::{self, PolicyChanges, PolicyRefusal};
use keywright_store::operator::audit::Actor;
use keywright_web::{ApiError, Json};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A policy as the operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
#[expect(clippy::struct_excessive_bools, reason = "members of the API")]
pub(crate) struct PolicyView {
    /// UUID.
    id: String,
    /// The product it belongs to.
    product_id: String,
    /// Its name in requests; unique within the product.
    slug: String,
    /// Its name for people.
    name: String,
    /// Its own price in the smallest unit of `price_currency`: sats, or cents;
    /// null sells at the product's price.
    price_sats_override: Option<i64>,
    /// The product's currency: `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "SAT")]
    price_currency: Currency,
    /// Seconds from issue to expiry; 0 never.
    duration_seconds: i64,
    /// Seconds after expiry in which a license still validates.
    grace_seconds: i64,
    /// Machines at once; 0 is unlimited.
    max_machines: i64,
    /// What it unlocks, in the order keys carry it.
    entitlements: Vec<String>,
    /// Whether it is a trial.
    is_trial: bool,
    /// Seconds from issue in which new versions are included; null includes
    /// every version.
    maintenance_seconds: Option<i64>,
    /// Whether it is sold by the period.
    is_recurring: bool,
    /// Days that one payment buys; null where none is set.
    renewal_period_days: Option<i64>,
    /// Days before the first payment; 0 without a trial.
    trial_days: i64,
    /// Days after a paid period in which a license still validates; null for the
    /// usual 7, at most half the period.
    grace_period_days: Option<i64>,
    /// What a renewal costs, in the smallest unit of `price_currency`; null as
    /// much as the first period.
    renewal_price_sats: Option<i64>,
    /// Its place on the ladder, 0 to 1000, higher is better; null for a
    /// policy outside it.
    tier_rank: Option<i64>,
    /// Activations of a license in 24 hours; 0 is unlimited, null the usual
    /// limit.
    max_activations_per_day: Option<i64>,
    /// Whether it can be bought.
    active: bool,
    /// Whether buyers see it.
    public: bool,
    /// When it was archived, RFC 3339; null when it is not.
    archived_at: Option<String>,
    /// Free-form members. Shown to buyers: `description`, `highlight`,
    /// `marketing_bullets`, `marketing_bullets_position`,
    /// `hidden_entitlements`.
    #[schema(value_type = Object)]
    metadata: Value,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

impl From<Policy> for PolicyView {
    fn from(policy: Policy) -> Self {
        Self {
            id: policy.id,
            product_id: policy.product_id,
            slug: policy.slug,
            name: policy.name,
            price_sats_override: policy.price_amount,
            price_currency: policy.price_currency,
            duration_seconds: policy.duration_seconds,
            grace_seconds: policy.grace_seconds,
            max_machines: policy.max_machines,
            entitlements: policy.entitlements,
            is_trial: policy.is_trial,
            maintenance_seconds: policy.maintenance_seconds,
            is_recurring: policy.is_recurring,
            renewal_period_days: policy.renewal_period_days,
            trial_days: policy.trial_days,
            grace_period_days: policy.grace_period_days,
            renewal_price_sats: policy.renewal_price_amount,
            tier_rank: policy.tier_rank,
            max_activations_per_day: policy.max_activations_per_day,
            active: policy.active,
            public: policy.public,
            archived_at: policy.archived_at.map(rfc3339),
            metadata: policy.metadata,
            created_at: rfc3339(policy.created_at),
            updated_at: rfc3339(policy.updated_at),
        }
    }
}

/// A price of its own, in the product's currency; `meant` is what its sender
/// thinks that is.
fn price(
    member: &str,
    amount: i64,
    meant: Option<&str>,
    currency: Currency,
) -> Result<Price, ApiError> {
    if meant.is_some_and(|meant| meant != currency.as_str()) {
        return Err(ApiError::bad_request(format!(
            "price_currency must be {currency}, the currency of the product"
        )));
    }
    Price::new(currency, amount).map_err(|error| ApiError::bad_request(format!("{member} {error}")))
}

/// The answer to a price for a product whose currency another request changed
/// between reading and writing.
fn changed_meanwhile() -> ApiError {
    ApiError::conflict("the product's currency was changed meanwhile; read the product again")
}

/// Turns one switch of a policy; repeating it changes nothing more.
async fn switch(
    ports: &Ports,
    actor: &Actor,
    id: &PolicyId,
    changes: &PolicyChanges,
) -> Result<Json<Done>, ApiError> {
    make(ports, actor, id, changes)
        .await
        .map(|_| Json(Done::OK))
}

/// Makes a change and answers the policy as it then is.
async fn make(
    ports: &Ports,
    actor: &Actor,
    id: &str,
    changes: &PolicyChanges,
) -> Result<Policy, ApiError> {
    // Only what comes back from the archive is put into use.
    let caps = match changes.archived {
        Some(false) => Some(ports.caps().await?),
        Some(true) | None => None,
    };
    let resource = CappedResource::PoliciesPerProduct;
    let cap = caps.as_ref().and_then(|caps| caps.of(resource));
    let audit_id = ports.stamps.new_id();
    let changed = policy_change::change(&ports.database, actor, id, changes, cap, &audit_id);
    match (changed.await?, caps) {
        (ChangeOutcome::Changed(policy), _) => Ok(policy),
        (ChangeOutcome::Refused(PolicyRefusal::AtCap), Some(caps)) => {
            Err(caps.reached(resource, None))
        }
        (ChangeOutcome::Refused(PolicyRefusal::NoPeriod), _) => {
            Err(invalid(RecurrenceError::Period))
        }
        (ChangeOutcome::Refused(PolicyRefusal::GraceNotShorter), _) => {
            Err(invalid(RecurrenceError::GraceNotShorter))
        }
        (ChangeOutcome::Refused(PolicyRefusal::OtherCurrency | PolicyRefusal::AtCap), _) => {
            Err(changed_meanwhile())
        }
        (ChangeOutcome::Unknown, _) => Err(PolicyId::unknown()),
    }
}

/// The answer to members of a recurring policy that do not fit together.
fn invalid(error: RecurrenceError) -> ApiError {
    ApiError::bad_request(error.to_string())
}

/// Checks the two numbers that are not part of the terms.
fn check_rank_and_activations(
    tier_rank: Option<i64>,
    max_activations_per_day: Option<i64>,
) -> Result<(), ApiError> {
    tier_rank
        .map_or(Ok(()), check_tier_rank)
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    max_activations_per_day
        .map_or(Ok(()), check_activations_per_day)
        .map_err(|error| ApiError::bad_request(error.to_string()))
}
