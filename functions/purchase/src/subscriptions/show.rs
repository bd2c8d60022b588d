//! `GET /v1/subscription`: where a subscription stands, for whoever holds it.

use super::held;
use super::view::SubscriptionView;
use crate::Ports;
use axum::extract::State;
use axum::response::IntoResponse;
use http::HeaderMap;
use http::header::CACHE_CONTROL;
use keywright_domain::caller_limits::SUBSCRIPTIONS;
use keywright_domain::subscription::pay_token::PayToken;
use keywright_store::subscriptions::lookup;
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{AccessRefusals, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json, bearer_of};

/// Shows a subscription
///
/// For the holder: `Authorization: Bearer` and the license key, or the token in the link
/// to the subscription's page. Also for a license that is suspended or has expired.
#[utoipa::path(
    get,
    path = "/v1/subscription",
    operation_id = "getSubscription",
    tag = "buying",
    responses(
        (status = 200, description = "The subscription.", body = SubscriptionView),
        AccessRefusals, Unknown, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    client: Client,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiError> {
    let text = bearer_of(&headers).ok_or_else(|| {
        ApiError::unauthorized("send the header Authorization: Bearer <license key or pay token>")
    })?;
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&SUBSCRIPTIONS], &client, now).await?;
    let held = held::by_credential(&ports, text).await?;
    let view = shown(&ports, held.subscription().clone()).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(view)))
}

/// The subscription with its history.
pub(super) async fn shown(
    ports: &Ports,
    subscription: lookup::Subscription,
) -> Result<SubscriptionView, ApiError> {
    let history = lookup::history(&ports.database, &subscription.id).await?;
    let token = PayToken::parse(&subscription.pay_token)
        .ok_or_else(|| ApiError::internal("a pay token cannot be read"))?;
    let pay_url = token.page(ports.public_url()?);
    let now = ports.stamps.now();
    Ok(SubscriptionView::of(subscription, history, pay_url, now))
}
