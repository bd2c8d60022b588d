//! `GET /healthz`: this instance answers. Touches nothing.

use keywright_edge::http::Json;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Health {
    ok: bool,
}

pub(crate) async fn handler() -> Json<Health> {
    Json(Health { ok: true })
}
