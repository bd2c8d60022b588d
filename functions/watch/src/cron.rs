//! `POST /v1/cron/watch`: a tick, for hosts without a cron trigger.

use crate::{Ports, report, tick};
use axum::extract::State;
use http::HeaderMap;
use keywright_web::openapi::{Failures, Unknown};
use keywright_web::{ApiError, Json, Visit};
use serde::Serialize;
use utoipa::ToSchema;

/// The result of a tick.
#[derive(Serialize, ToSchema)]
#[schema(as = Watched)]
pub(crate) struct TickAnswer {
    /// Always `true`.
    ok: bool,
    #[serde(flatten)]
    report: report::TickReport,
}

/// Reads the next part of the chain, on hosts without a cron trigger
///
/// Ticks may overlap and repeat. 404 when `CRON_TOKEN` is not configured.
#[utoipa::path(post, path = "/v1/cron/watch", operation_id = "tickWatch", tag = "operation",
    responses((status = 200, body = TickAnswer), Unknown, Failures))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Json<TickAnswer>, ApiError> {
    ports.cron.admit(&visit, &headers).await?;
    let report = tick::tick(&ports, &visit.request_id).await?;
    Ok(Json(TickAnswer { ok: true, report }))
}
