//! `POST /v1/cron/watch`: a tick for hosts whose platform has no cron trigger.

use crate::{Ports, tick};
use axum::extract::State;
use http::HeaderMap;
use keywright_web::openapi::{Failures, Unknown};
use keywright_web::{ApiError, Json, Visit};
use serde::Serialize;
use utoipa::ToSchema;

/// What the tick did.
#[derive(Serialize, ToSchema)]
#[schema(as = Watched)]
pub(crate) struct TickAnswer {
    /// Always `true`.
    ok: bool,
    #[serde(flatten)]
    report: tick::TickReport,
}

/// Reads the chain a part further, where the platform has no cron trigger.
///
/// Repeating it, also at once, does no harm. 404 when no `CRON_TOKEN` is
/// configured.
#[utoipa::path(post, path = "/v1/cron/watch", tag = "operation",
    responses((status = 200, body = TickAnswer), Unknown, Failures))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Json<TickAnswer>, ApiError> {
    let Some(cron) = &ports.cron else {
        return Err(ApiError::not_found("this instance is not ticked by HTTP"));
    };
    if let Err(refusal) = cron.check(&headers) {
        return Err(ports.refused(&visit, refusal).await);
    }
    let report = tick::tick(&ports, &visit.request_id).await?;
    Ok(Json(TickAnswer { ok: true, report }))
}
