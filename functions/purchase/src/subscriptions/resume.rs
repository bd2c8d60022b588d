//! `POST /v1/subscriptions/resume`: takes a cancellation back.

use super::view::{SubscriptionView, time_of};
use super::{held, show};
use crate::Ports;
use axum::Extension;
use axum::extract::State;
use keywright_domain::caller_limits::SUBSCRIPTIONS;
use keywright_domain::standing::LicenseStatus;
use keywright_domain::subscription::{SubscriptionChange, SubscriptionState};
use keywright_store::operator::audit::Actor;
use keywright_store::subscriptions::ending::{self, SubscriptionEnding};
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json, RequestId};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which subscription: one of the two members.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionResumption {
    /// The key of its license.
    license_key: Option<String>,
    /// The token in the link to its page.
    pay_token: Option<String>,
}

/// Resumes a cancelled subscription
///
/// While the paid time or its grace runs. Nothing is charged now, and no trial begins or is
/// stretched. 409 when the time is over: then one payment brings it back.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/resume",
    operation_id = "resumeSubscription",
    tag = "buying",
    request_body = SubscriptionResumption,
    responses(
        (status = 200, description = "The subscription as it now is.", body = SubscriptionView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    request: Result<Json<SubscriptionResumption>, ApiError>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let Json(request) = request?;
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&SUBSCRIPTIONS], &client, now).await?;
    let held = held::by_either(&ports, request.license_key, request.pay_token).await?;
    let subscription = held.subscription();
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    if subscription.state.is_live() {
        return show::shown(&ports, subscription.clone()).await.map(Json);
    }
    if subscription.license_status != LicenseStatus::Active {
        return Err(ApiError::conflict(
            "the license is not active; ask the vendor",
        ));
    }
    let time = time_of(subscription, actor.at);
    let state = subscription.state.after(SubscriptionChange::Resumed(time));
    let state = state.map_err(|_| over(subscription.state))?;
    let ending = SubscriptionEnding {
        subscription,
        reason: None,
        audit_id: &ports.stamps.new_id(),
        event_id: &ports.stamps.new_id(),
    };
    if !ending::resume(&ports.database, &actor, &ending, state).await? {
        return Err(ApiError::conflict(
            "the subscription changed meanwhile; look at it again",
        ));
    }
    let resumed = keywright_store::subscriptions::lookup::get(&ports.database, &subscription.id);
    let resumed = resumed
        .await?
        .ok_or_else(|| ApiError::internal("the subscription is gone"))?;
    show::shown(&ports, resumed).await.map(Json)
}

fn over(state: SubscriptionState) -> ApiError {
    ApiError::conflict(match state {
        SubscriptionState::Lapsed => "the subscription has lapsed; pay for a period to come back",
        _ => "the paid time is over; pay for a period to come back",
    })
}
