//! `POST /v1/subscriptions/cancel`: ends a subscription with the time that is paid.

use super::held;
use crate::Ports;
use axum::Extension;
use axum::extract::State;
use keywright_domain::caller_limits::SUBSCRIPTIONS;
use keywright_domain::subscription::SubscriptionState;
use keywright_store::operator::audit::Actor;
use keywright_store::subscriptions::ending::{self, SubscriptionEnding};
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest reason, in bytes.
const MAX_REASON_BYTES: usize = 2_000;

/// Which subscription, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionCancellation {
    /// The key of its license, also of a suspended one.
    license_key: String,
    /// Why, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    reason: Option<String>,
}

/// A subscription that is cancelled.
#[derive(Serialize, ToSchema)]
pub(crate) struct CancelledSubscription {
    /// Always `true`.
    ok: bool,
    /// UUID.
    subscription_id: String,
    /// `cancelled`; absent if it had ended before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "cancelled")]
    status: Option<&'static str>,
    /// `cancelled` or `lapsed`, if it had ended before; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "lapsed")]
    already: Option<&'static str>,
}

/// Cancels a subscription
///
/// Nothing is charged any more, and every open order of the next period is withdrawn. The
/// license stays good for the time that is paid, and until then it can be resumed.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/cancel",
    operation_id = "cancelSubscription",
    tag = "buying",
    request_body = SubscriptionCancellation,
    responses(
        (status = 200, description = "It is cancelled.", body = CancelledSubscription),
        BodyRefusals, AccessRefusals, Unknown, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    request: Result<Json<SubscriptionCancellation>, ApiError>,
) -> Result<Json<CancelledSubscription>, ApiError> {
    let Json(request) = request?;
    let reason = request.reason.as_deref().map(str::trim);
    let reason = reason.filter(|reason| !reason.is_empty());
    if reason.is_some_and(|reason| reason.len() > MAX_REASON_BYTES) {
        return Err(ApiError::bad_request(format!(
            "reason must be at most {MAX_REASON_BYTES} bytes"
        )));
    }
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&SUBSCRIPTIONS], &client, now).await?;
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    // A tick or a payment may come between; the second look sees what it did.
    for _ in 0..2 {
        let subscription = held::by_license_key(&ports, &request.license_key).await?;
        let ended = match subscription.state {
            SubscriptionState::Cancelled | SubscriptionState::Lapsed => {
                Some(subscription.state.as_str())
            }
            SubscriptionState::Trialing
            | SubscriptionState::Active
            | SubscriptionState::PastDue => None,
        };
        let ending = SubscriptionEnding {
            subscription: &subscription,
            reason,
            audit_id: &ports.stamps.new_id(),
            event_id: &ports.stamps.new_id(),
        };
        let is_done = ended.is_some() || ending::cancel(&ports.database, &actor, &ending).await?;
        if is_done {
            return Ok(Json(CancelledSubscription {
                ok: true,
                subscription_id: subscription.id,
                status: ended.is_none().then_some("cancelled"),
                already: ended,
            }));
        }
    }
    Err(ApiError::conflict(
        "the subscription changed meanwhile; try again",
    ))
}
