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
#[schema(as = Ticked)]
pub(crate) struct RenewTick {
    /// Always `true`.
    ok: bool,
    #[serde(flatten)]
    report: tick::TickReport,
}

/// Runs one tick, on a host whose platform has no cron trigger.
///
/// A tick is bounded, and repeating it does no harm. 404 when
/// no `CRON_TOKEN` is configured.
#[utoipa::path(post, path = "/v1/cron/renew", operation_id = "tickRenew", tag = "operation",
    responses((status = 200, body = RenewTick), Unknown))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Json<RenewTick>, ApiError> {
    ports.cron.admit(&visit, &headers).await?;
    let report = tick::tick(&ports, &visit.request_id).await?;
    Ok(Json(RenewTick { ok: true, report }))
}
