//! `POST /v1/admin/policies`: a new policy of a product.

use super::PolicyView;
use crate::products::{check_metadata, check_name};
use crate::{Operator, Ports};
use axum::extract::State;
use keywright_domain::money::Sats;
use keywright_domain::slug::Slug;
use keywright_domain::terms::Terms;
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_edge::http::{ApiError, Json};
use keywright_store::policies::{self, Policy};
use keywright_store::products;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What is not sent: the product's price, perpetual, no grace, one machine,
/// no entitlements, no trial, active and public.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewPolicy {
    /// Slug of the product.
    product_slug: String,
    /// Its name in requests: 1 to 64 characters `a-z`, `0-9`, `-` or `_`. No
    /// other policy of the product may have it.
    slug: String,
    /// Its name for people, up to 200 bytes.
    name: String,
    /// Price in sats in place of the product's; also taken as `price_sats`.
    #[serde(alias = "price_sats")]
    #[schema(minimum = 0)]
    price_sats_override: Option<i64>,
    /// Seconds from issue to expiry; 0 never.
    #[schema(minimum = 0)]
    duration_seconds: Option<i64>,
    /// Seconds after expiry in which a license still validates.
    #[schema(minimum = 0)]
    grace_seconds: Option<i64>,
    /// Machines at once; 0 is unlimited.
    #[schema(minimum = 0)]
    max_machines: Option<i64>,
    /// What it unlocks: up to 255 names of 1 to 255 ASCII characters.
    entitlements: Option<Vec<String>>,
    /// Whether it is a trial.
    is_trial: Option<bool>,
    /// Whether it can be bought.
    active: Option<bool>,
    /// Whether buyers see it.
    public: Option<bool>,
    /// Free-form members: an object of up to 20,000 bytes. Buyers are shown
    /// `description`, `highlight`, `marketing_bullets`,
    /// `marketing_bullets_position` and `hidden_entitlements`.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// Adds a policy to a product. 409 when the product has one of that slug.
#[utoipa::path(
    post,
    path = "/v1/admin/policies",
    tag = "policies",
    request_body = NewPolicy,
    responses(
        (status = 200, description = "The policy.", body = PolicyView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
    security(("operator" = ["policies:write"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    new: Result<Json<NewPolicy>, ApiError>,
) -> Result<Json<PolicyView>, ApiError> {
    let Json(new) = new?;
    let slug =
        Slug::parse(&new.slug).map_err(|error| ApiError::bad_request(format!("slug: {error}")))?;
    check_name(&new.name)?;
    let metadata = new.metadata.unwrap_or_else(|| json!({}));
    check_metadata(&metadata)?;
    let price = new.price_sats_override.map(Sats::try_from).transpose();
    let price =
        price.map_err(|error| ApiError::bad_request(format!("price_sats_override: {error}")))?;
    let usual = Terms::default();
    let terms = Terms {
        duration_seconds: new.duration_seconds.unwrap_or(usual.duration_seconds),
        grace_seconds: new.grace_seconds.unwrap_or(usual.grace_seconds),
        max_machines: new.max_machines.unwrap_or(usual.max_machines),
        entitlements: new.entitlements.unwrap_or(usual.entitlements),
        is_trial: new.is_trial.unwrap_or(usual.is_trial),
    };
    terms
        .check()
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let product = products::find(&ports.database, &new.product_slug)
        .await?
        .ok_or_else(|| ApiError::not_found("product_slug: there is no such product"))?;
    let policy = Policy {
        id: ports.stamps.new_id(),
        product_id: product.id,
        slug: slug.into(),
        name: new.name,
        price_amount: price.map(Sats::get),
        duration_seconds: terms.duration_seconds,
        grace_seconds: terms.grace_seconds,
        max_machines: terms.max_machines,
        entitlements: terms.entitlements,
        is_trial: terms.is_trial,
        active: new.active.unwrap_or(true),
        public: new.public.unwrap_or(true),
        archived_at: None,
        metadata,
        created_at: actor.at,
        updated_at: actor.at,
    };
    let audit_id = ports.stamps.new_id();
    policies::create(&ports.database, &actor, &policy, audit_id)
        .await
        .map_err(|error| {
            if error.is_unique_violation("policies.slug") {
                ApiError::conflict("slug: the product has a policy of this slug")
            } else {
                error.into()
            }
        })?;
    Ok(Json(policy.into()))
}
