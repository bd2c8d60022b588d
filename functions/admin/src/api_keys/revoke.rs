//! `DELETE /v1/admin/api-keys/{id}`: a scoped key opens nothing any more.

use crate::Operator;
use crate::ids::ApiKeyId;
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_ports::{Database, Stamps};
use keywright_store::operator::api_keys::{self, ApiKeyRevocation};
use keywright_web::openapi::{AccessRefusals, Failures, Unknown};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// It is revoked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    /// Always `true`.
    ok: bool,
    /// RFC 3339: now. Absent when it was revoked before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<String>,
    /// `true` when it was revoked before; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    already_revoked: Option<bool>,
}

/// Revokes a scoped key for good. Repeating it succeeds and changes nothing
/// more.
#[utoipa::path(
    delete,
    path = "/v1/admin/api-keys/{id}",
    operation_id = "revokeApiKey",
    tag = "api keys",
    params(("id" = String, Path, description = "Id of the key.")),
    responses(
        (status = 200, description = "It is revoked.", body = Revoked),
        AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    Operator(actor): Operator,
    id: ApiKeyId,
) -> Result<Json<Revoked>, ApiError> {
    let audit_id = stamps.new_id();
    let (revoked_at, already_revoked) =
        match api_keys::revoke(&database, &actor, &id, audit_id).await? {
            ApiKeyRevocation::Revoked => (Some(rfc3339(actor.at)), None),
            ApiKeyRevocation::RevokedBefore => (None, Some(true)),
            ApiKeyRevocation::Unknown => return Err(ApiKeyId::unknown()),
        };
    Ok(Json(Revoked {
        ok: true,
        revoked_at,
        already_revoked,
    }))
}
