//! `POST /v1/admin/subscriptions/{id}/cancel`.

use crate::ids::SubscriptionId;
use crate::text::{self, MAX_NOTE_BYTES, present};
use crate::{Done, Operator, Ports};
use keywright_store::subscriptions::ending::{self, SubscriptionEnding};
use keywright_store::subscriptions::lookup;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// Why the operator cancels it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriptionCancelReason)]
pub(crate) struct Reason {
    /// At most 2000 bytes; recorded, and sent with the event.
    #[schema(max_length = 2_000)]
    reason: Option<String>,
}

/// Cancels a subscription
///
/// Nothing is due any more, every open order of the next period is withdrawn, and the
/// license stays good for as long as it was paid. One that has ended already stays as it is,
/// and that is a success too.
#[utoipa::path(
    post,
    path = "/v1/admin/subscriptions/{id}/cancel",
    operation_id = "cancelSubscriptionById",
    tag = "licenses",
    params(("id" = String, Path, description = "Id of the subscription.")),
    request_body = Reason,
    responses(
        (status = 200, description = "It is cancelled.", body = Done),
        BodyRefusals, AccessRefusals, Unknown, Conflict, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    id: SubscriptionId,
    reason: Result<Json<Reason>, ApiError>,
) -> Result<Json<Done>, ApiError> {
    let Json(Reason { reason }) = reason?;
    let reason = present(reason);
    let shown = reason.as_deref().unwrap_or_default();
    text::check("reason", shown, MAX_NOTE_BYTES)?;
    // A tick or a payment may come between; the second look sees what it did.
    for _ in 0..2 {
        let found = lookup::get(&ports.database, &id).await?;
        let subscription = found.ok_or_else(SubscriptionId::unknown)?;
        if !subscription.state.is_live() {
            return Ok(Json(Done::OK));
        }
        let ending = SubscriptionEnding {
            subscription: &subscription,
            reason: reason.as_deref(),
            audit_id: &ports.stamps.new_id(),
            event_id: &ports.stamps.new_id(),
        };
        if ending::cancel(&ports.database, &actor, &ending).await? {
            return Ok(Json(Done::OK));
        }
    }
    Err(ApiError::conflict(
        "the subscription changed meanwhile; try again",
    ))
}
