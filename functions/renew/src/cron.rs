//! `POST /v1/cron/renew`: a tick for hosts whose platform has no cron trigger.

use crate::{Ports, tick};
use axum::extract::State;
use http::HeaderMap;
use keywright_web::openapi::Unknown;
use keywright_web::{ApiError, Json, Visit};
use serde::Serialize;
use utoipa::ToSchema;

/// What the tick did.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ticked {
    /// Always `true`.
    ok: bool,
    #[serde(flatten)]
    report: tick::Report,
}

/// Does what is due, where the platform has no cron trigger of its own.
///
/// A part of it at a time; repeating it, also at once, does no harm. 404 when
/// no `CRON_TOKEN` is configured.
#[utoipa::path(post, path = "/v1/cron/renew", tag = "operation",
    responses((status = 200, body = Ticked), Unknown))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Json<Ticked>, ApiError> {
    let Some(cron) = &ports.cron else {
        return Err(ApiError::not_found("this instance is not ticked by HTTP"));
    };
    if let Err(refusal) = cron.check(&headers) {
        return Err(ports.refused(&visit, refusal).await);
    }
    let report = tick::tick(&ports, &visit.request_id).await?;
    Ok(Json(Ticked { ok: true, report }))
}
