//! `PATCH /v1/admin/policies/{id}/archived`: put away or taken back.

use super::switch;
use crate::caps::AtCap;
use crate::ids::PolicyId;
use crate::{Done, Operator, Ports};
use axum::extract::State;
use keywright_store::catalog::policy_change::PolicyChanges;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Whether it is put away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyArchived {
    /// Whether it is put away: not listed, and refused at purchase.
    archived: bool,
}

/// Puts a policy away for good or takes it back. What was sold under it keeps
/// its terms. Repeating it changes nothing more.
#[utoipa::path(
    patch,
    path = "/v1/admin/policies/{id}/archived",
    operation_id = "setPolicyArchived",
    tag = "policies",
    params(("id" = String, Path, description = "Id of the policy.")),
    request_body = PolicyArchived,
    responses(
        (status = 200, description = "It is done.", body = Done),
        BodyRefusals, AccessRefusals, AtCap, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Operator(actor): Operator,
    id: PolicyId,
    sent: Result<Json<PolicyArchived>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(PolicyArchived { archived }) = sent?;
    let changes = PolicyChanges {
        archived: Some(archived),
        ..PolicyChanges::default()
    };
    switch(&ports, &actor, &id, &changes).await
}
