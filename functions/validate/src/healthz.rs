//! `GET /healthz`: this instance answers. Touches nothing.

use keywright_web::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// A sign of life.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `true`.
    ok: bool,
}

/// Whether this instance answers.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "getHealth",
    tag = "instance",
    responses((status = 200, description = "It answers.", body = Health)),
)]
pub(crate) async fn handler() -> Json<Health> {
    Json(Health { ok: true })
}
