//! `PATCH /v1/admin/policies/{id}/active`: can be bought or not.

use super::switch;
use crate::ids::PolicyId;
use crate::{Done, Operator, Ports};
use axum::extract::State;
use keywright_store::catalog::policy_change::PolicyChanges;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Whether it can be bought.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyActive {
    /// Whether it can be bought.
    active: bool,
}

/// Lets a policy be bought or not. Repeating it changes nothing more.
#[utoipa::path(
    patch,
    path = "/v1/admin/policies/{id}/active",
    operation_id = "setPolicyActive",
    tag = "policies",
    params(("id" = String, Path, description = "Id of the policy.")),
    request_body = PolicyActive,
    responses(
        (status = 200, description = "It is done.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: PolicyId,
    sent: Result<Json<PolicyActive>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(PolicyActive { active }) = sent?;
    let changes = PolicyChanges {
        active: Some(active),
        ..PolicyChanges::default()
    };
    switch(&ports, &actor, &id, &changes).await
}
