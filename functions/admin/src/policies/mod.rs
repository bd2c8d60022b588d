//! Routes for policies, one file each.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod list;

use keywright_domain::dates::rfc3339;
use keywright_store::policies::Policy;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A policy as the operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
pub(crate) struct PolicyView {
    /// UUID.
    id: String,
    /// Id of its product.
    product_id: String,
    /// Its name in requests.
    slug: String,
    /// Its name for people.
    name: String,
    /// Price in sats; null sells at the product's price.
    price_sats_override: Option<i64>,
    /// Seconds from issue to expiry; 0 never.
    duration_seconds: i64,
    /// Seconds after expiry in which a license still validates.
    grace_seconds: i64,
    /// Machines at once; 0 is unlimited.
    max_machines: i64,
    /// What it unlocks.
    entitlements: Vec<String>,
    /// Whether it is a trial.
    is_trial: bool,
    /// Whether it can be bought.
    active: bool,
    /// Whether buyers see it.
    public: bool,
    /// RFC 3339; null while it is in use.
    archived_at: Option<String>,
    /// Free-form members of the operator.
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
            duration_seconds: policy.duration_seconds,
            grace_seconds: policy.grace_seconds,
            max_machines: policy.max_machines,
            entitlements: policy.entitlements,
            is_trial: policy.is_trial,
            active: policy.active,
            public: policy.public,
            archived_at: policy.archived_at.map(rfc3339),
            metadata: policy.metadata,
            created_at: rfc3339(policy.created_at),
            updated_at: rfc3339(policy.updated_at),
        }
    }
}
