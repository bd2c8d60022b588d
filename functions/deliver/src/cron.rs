//! `POST /v1/cron/deliver`: a tick for hosts whose platform has no cron trigger.

use crate::budget::Budget;
use crate::{Ports, tick};
use axum::extract::State;
use http::HeaderMap;
use keywright_web::openapi::Unknown;
use keywright_web::{ApiError, Json, Visit};
use serde::Serialize;
use utoipa::ToSchema;

/// What the tick did.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliverTick)]
pub(crate) struct DeliverTick {
    /// Always `true`.
    ok: bool,
    #[serde(flatten)]
    report: tick::TickReport,
}

/// Runs one tick, on a host whose platform has no cron trigger.
///
/// A tick is bounded, and repeating it does no harm. 404 when
/// no `CRON_TOKEN` is configured.
#[utoipa::path(post, path = "/v1/cron/deliver", operation_id = "tickDeliver", tag = "operation",
    responses((status = 200, body = DeliverTick), Unknown))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Json<DeliverTick>, ApiError> {
    ports.cron.admit(&visit, &headers).await?;
    let mut budget = Budget::of(ports.limits.per_tick, tick::now_millis(&ports));
    let report = tick::tick(&ports, &mut budget).await?;
    Ok(Json(DeliverTick { ok: true, report }))
}
