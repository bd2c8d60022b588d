//! `PATCH /v1/admin/policies/{id}/public`: shown to buyers or not.

use super::switch;
use crate::ids::PolicyId;
use crate::{Done, Operator, Ports};
use axum::extract::State;
use keywright_store::catalog::policy_change::PolicyChanges;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Whether buyers see it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyPublic {
    /// Whether buyers see it and may choose it.
    public: bool,
}

/// Shows a policy to buyers or hides it. Repeating it changes nothing more.
#[utoipa::path(
    patch,
    path = "/v1/admin/policies/{id}/public",
    operation_id = "setPolicyPublic",
    tag = "policies",
    params(("id" = String, Path, description = "Id of the policy.")),
    request_body = PolicyPublic,
    responses(
        (status = 200, description = "It is done.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: PolicyId,
    sent: Result<Json<PolicyPublic>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(PolicyPublic { public }) = sent?;
    let changes = PolicyChanges {
        public: Some(public),
        ..PolicyChanges::default()
    };
    switch(&ports, &actor, &id, &changes).await
}
