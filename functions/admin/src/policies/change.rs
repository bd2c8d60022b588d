//! `PATCH /v1/admin/policies/{id}`: changes the members that are sent. What
//! was sold keeps its terms.

use super::PolicyView;
use crate::products::change::nullable;
use crate::products::{check_metadata, check_name};
use crate::{Operator, Ports};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use keywright_domain::money::Sats;
use keywright_edge::http::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_edge::http::{ApiError, Json};
use keywright_store::policies::{self, Changes};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// An absent member stays as it is; `price_sats_override: null` sells at the
/// product's price.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PolicyChange {
    /// New name for people, up to 200 bytes.
    name: Option<String>,
    /// New price in sats; null sells at the product's. Also taken as
    /// `price_sats`.
    #[serde(default, alias = "price_sats", deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    price_sats_override: Option<Option<i64>>,
    /// Seconds from issue to expiry, for later sales; 0 never.
    #[schema(minimum = 0)]
    duration_seconds: Option<i64>,
    /// Seconds after expiry in which a license still validates, for later
    /// sales.
    #[schema(minimum = 0)]
    grace_seconds: Option<i64>,
    /// Machines at once, for later sales; 0 is unlimited.
    #[schema(minimum = 0)]
    max_machines: Option<i64>,
    /// What it unlocks, for later sales: up to 255 names of 1 to 255 ASCII
    /// characters.
    entitlements: Option<Vec<String>>,
    /// Trial or not, for later sales.
    is_trial: Option<bool>,
    /// Whether it can be bought.
    active: Option<bool>,
    /// Whether buyers see it.
    public: Option<bool>,
    /// Whether it is out of use: neither listed nor sold.
    archived: Option<bool>,
    /// New free-form members, in place of the old ones: an object of up to
    /// 20,000 bytes.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
}

/// Changes the members that are sent. What was sold keeps its terms.
#[utoipa::path(
    patch,
    path = "/v1/admin/policies/{id}",
    tag = "policies",
    params(("id" = String, Path, description = "Id of the policy.")),
    request_body = PolicyChange,
    responses(
        (status = 200, description = "The policy as it now is.", body = PolicyView),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
    security(("operator" = ["policies:write"]))
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: Result<Path<String>, PathRejection>,
    change: Result<Json<PolicyChange>, ApiError>,
) -> Result<Json<PolicyView>, ApiError> {
    let unknown = || ApiError::not_found("there is no such policy");
    let Path(id) = id.map_err(|_| unknown())?;
    let Json(change) = change?;
    change.name.as_deref().map_or(Ok(()), check_name)?;
    change.metadata.as_ref().map_or(Ok(()), check_metadata)?;
    let price = change
        .price_sats_override
        .flatten()
        .map(Sats::try_from)
        .transpose();
    price.map_err(|error| ApiError::bad_request(format!("price_sats_override: {error}")))?;
    let before = policies::get(&ports.database, &id)
        .await?
        .ok_or_else(unknown)?;
    let mut terms = before.terms();
    terms.duration_seconds = change.duration_seconds.unwrap_or(terms.duration_seconds);
    terms.grace_seconds = change.grace_seconds.unwrap_or(terms.grace_seconds);
    terms.max_machines = change.max_machines.unwrap_or(terms.max_machines);
    terms.entitlements = change.entitlements.clone().unwrap_or(terms.entitlements);
    terms
        .check()
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    let changes = Changes {
        name: change.name,
        price_amount: change.price_sats_override,
        duration_seconds: change.duration_seconds,
        grace_seconds: change.grace_seconds,
        max_machines: change.max_machines,
        entitlements: change.entitlements,
        is_trial: change.is_trial,
        active: change.active,
        public: change.public,
        archived: change.archived,
        metadata: change.metadata,
    };
    let audit_id = ports.stamps.new_id();
    let policy = policies::change(&ports.database, &actor, &before, &changes, audit_id).await?;
    Ok(Json(policy.ok_or_else(unknown)?.into()))
}
