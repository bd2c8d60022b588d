//! `POST /v1/subscriptions/change`: books another policy for the next period.

use super::held;
use super::show;
use super::view::SubscriptionView;
use crate::Ports;
use crate::upgrades::quote::planned;
use axum::Extension;
use axum::extract::State;
use keywright_domain::caller_limits::SUBSCRIPTIONS;
use keywright_domain::money::Price;
use keywright_domain::proration::{ChangePlan, ChangeTiming};
use keywright_domain::subscription::terms::Charge;
use keywright_services::tier_change::PlannedTierChange;
use keywright_store::operator::audit::Actor;
use keywright_store::subscriptions::lookup::{self, Subscription};
use keywright_store::tier_changes::booking::{self, Booking};
use keywright_store::tier_changes::change::{NewTierChange, RecordedCharge};
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json, RequestId};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which license, and which policy its subscription is to get.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionChangeRequest {
    /// The license key.
    license_key: String,
    /// Slug of a policy of the same product that is sold by the period; null or absent takes
    /// the booked change back.
    #[schema(example = "basic")]
    target_policy_slug: Option<String>,
}

/// Changes the policy from the next period on
///
/// There is one such change for each subscription: a later one replaces it. It costs nothing
/// now. The next period is offered at the price of the target, and an order that is open for
/// it is withdrawn; when that period is paid and begins, the license gets the policy. From now
/// on no more machines are activated than the target allows; 409 with the machines if more
/// are active.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/change",
    operation_id = "changeSubscription",
    tag = "buying",
    request_body = SubscriptionChangeRequest,
    responses(
        (status = 200, description = "The subscription as it now is.", body = SubscriptionView),
        BodyRefusals, AccessRefusals, Unknown, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    request: Result<Json<SubscriptionChangeRequest>, ApiError>,
) -> Result<Json<SubscriptionView>, ApiError> {
    let Json(request) = request?;
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&SUBSCRIPTIONS], &client, now).await?;
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    let (subscription, change, next) = if let Some(slug) = &request.target_policy_slug {
        let planned = planned(&ports, &request.license_key, slug).await?;
        target(&ports, planned, actor.at)?
    } else {
        let subscription = held::by_license_key(&ports, &request.license_key).await?;
        if subscription.booked_change_id.is_none() {
            return show::shown(&ports, subscription).await.map(Json);
        }
        let next = subscription.terms.charge(subscription.paid_cycles + 1);
        (subscription, None, next)
    };
    let booking = Booking {
        subscription: &subscription,
        change: change.as_ref(),
        next: RecordedCharge {
            price: next.price,
            base: next.base.amount(),
        },
        audit_id: &ports.stamps.new_id(),
    };
    if !booking::book(&ports.database, &actor, &booking).await? {
        return Err(ApiError::conflict(
            "the subscription changed meanwhile; try again",
        ));
    }
    let changed = lookup::get(&ports.database, &subscription.id).await?;
    let changed = changed.ok_or_else(|| ApiError::internal("the subscription is gone"))?;
    show::shown(&ports, changed).await.map(Json)
}

/// The change to this policy with the next period, and what that costs.
fn target(
    ports: &Ports,
    planned: PlannedTierChange,
    now: i64,
) -> Result<(Subscription, Option<NewTierChange>, Charge), ApiError> {
    let subscription = planned.basis.subscription.clone();
    let subscription =
        subscription.ok_or_else(|| ApiError::not_found("this license has no subscription"))?;
    if !subscription.state.is_live() {
        return Err(ApiError::conflict(
            "no period is due any more; resume the subscription first",
        ));
    }
    let waiting = PlannedTierChange {
        plan: ChangePlan {
            timing: ChangeTiming::NextPeriod,
            charge: Price::free(planned.currency()),
        },
        ..planned
    };
    let next = waiting.basis.charge_after(subscription.paid_cycles);
    let next = next.ok_or_else(|| {
        ApiError::bad_request("target_policy_slug must name a policy that is sold by the period")
    })?;
    let change = waiting.recorded(ports.stamps.new_id(), now);
    Ok((subscription, Some(change), next))
}
