//! `GET /v1/admin/api-keys/current`: what the key of this request may do.

use axum::Extension;
use keywright_domain::access::{Caller, Gate, Scope};
use keywright_web::openapi::{AccessRefusals, Failures};
use keywright_web::{ApiError, Json};
use serde::Serialize;
use utoipa::ToSchema;

/// What a key may do.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurrentKey {
    /// UUID of a scoped key; null for `ADMIN_KEY`.
    #[schema(required)]
    id: Option<String>,
    /// Its role; null for `ADMIN_KEY`.
    #[schema(required, example = "support")]
    role: Option<&'static str>,
    /// Every scope that it has, by its role or by name. `ADMIN_KEY` also has `master`, which
    /// stands for the routes that no scoped key opens.
    scopes: Vec<&'static str>,
}

/// Shows what the key of this request may do
///
/// Opens to every key, so that a program can find out before it tries.
#[utoipa::path(
    get,
    path = "/v1/admin/api-keys/current",
    operation_id = "getCurrentApiKey",
    tag = "api keys",
    responses(
        (status = 200, description = "The key.", body = CurrentKey),
        AccessRefusals, Failures
    ),
)]
pub(crate) async fn handler(
    Extension(caller): Extension<Caller>,
) -> Result<Json<CurrentKey>, ApiError> {
    let scopes = Scope::ALL.iter().filter(|scope| caller.has(**scope));
    let mut scopes: Vec<&str> = scopes.map(|scope| scope.as_str()).collect();
    if Gate::Master.opens_to(&caller) {
        scopes.push("master");
    }
    let (id, role) = match caller {
        Caller::Master => (None, None),
        Caller::Key { id, role, .. } => (Some(id), Some(role.as_str())),
    };
    Ok(Json(CurrentKey { id, role, scopes }))
}
