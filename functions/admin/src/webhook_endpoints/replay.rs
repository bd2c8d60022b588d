//! `POST /v1/admin/webhook-endpoints/{id}/replay`.

use crate::ids::WebhookEndpointId;
use crate::text::time;
use crate::{Operator, Ports};
use keywright_store::events::webhook_deliveries::{self, REPLAYED_AT_ONCE};
use keywright_web::openapi::{AccessRefusals, BadQuery, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json, StrictQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReplayQuery {
    /// Only events that happened then or later, RFC 3339.
    #[param(example = "2026-01-31T12:00:00Z")]
    from: String,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// Always `true`.
    ok: bool,
    /// How many deliveries are pending again.
    replayed: usize,
    /// True when there may be more: repeat the request.
    more: bool,
}

/// Sends dead letters again, and what expired or was cancelled, oldest first
///
/// Up to 1000 a request, with the id, the time and the data that they had. A body is not
/// needed.
#[utoipa::path(
    post,
    path = "/v1/admin/webhook-endpoints/{id}/replay",
    operation_id = "replayWebhookDeliveries",
    tag = "webhooks",
    params(("id" = String, Path, description = "UUID of the endpoint."), ReplayQuery),
    responses(
        (status = 200, description = "They are pending again.", body = Replayed),
        BadQuery, BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: WebhookEndpointId,
    query: Result<StrictQuery<ReplayQuery>, ApiError>,
) -> Result<Json<Replayed>, ApiError> {
    let StrictQuery(ReplayQuery { from }) = query?;
    let from = time("from", &from)?;
    let audit_id = ports.stamps.new_id();
    let replayed = webhook_deliveries::replay(&ports.database, &actor, &id, from, audit_id).await?;
    let replayed = replayed.ok_or_else(WebhookEndpointId::unknown)?;
    Ok(Json(Replayed {
        ok: true,
        replayed,
        more: i64::try_from(replayed) == Ok(REPLAYED_AT_ONCE),
    }))
}
