//! Routes for policies, one file each.

pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod list;

use keywright_domain::dates::rfc3339;
use keywright_store::policies::Policy;
use serde::Serialize;
use serde_json::Value;

/// A policy as the operator sees it.
#[derive(Serialize)]
pub(crate) struct PolicyView {
    id: String,
    product_id: String,
    slug: String,
    name: String,
    price_sats_override: Option<i64>,
    duration_seconds: i64,
    grace_seconds: i64,
    max_machines: i64,
    entitlements: Vec<String>,
    is_trial: bool,
    active: bool,
    public: bool,
    archived_at: Option<String>,
    metadata: Value,
    created_at: String,
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
