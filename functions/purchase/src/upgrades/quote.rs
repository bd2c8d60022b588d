//! `POST /v1/upgrade-quote`: what a change of policy costs now.

use super::refused;
use crate::Ports;
use crate::subscriptions::held;
use axum::extract::State;
use keywright_domain::caller_limits::SUBSCRIPTIONS;
use keywright_domain::dates::rfc3339;
use keywright_domain::money::Currency;
use keywright_domain::proration::ChangeTiming;
use keywright_domain::subscription::SubscriptionState;
use keywright_services::tier_change::{self, ChangeAuthor, PlannedTierChange};
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which license, and which policy it is to get.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpgradeQuoteRequest {
    /// The license key.
    license_key: String,
    /// Slug of a policy of the same product.
    #[schema(example = "pro")]
    target_policy_slug: String,
}

/// What a change of policy costs now.
#[derive(Serialize, ToSchema)]
pub(crate) struct UpgradeQuote {
    /// Always `true`.
    ok: bool,
    /// UUID.
    from_policy_id: String,
    /// Slug of the policy that the license has.
    #[schema(example = "basic")]
    from_policy_slug: String,
    /// UUID.
    to_policy_id: String,
    /// Slug of the policy that it gets.
    #[schema(example = "pro")]
    to_policy_slug: String,
    /// `upgrade` or `downgrade`, by `tier_rank`.
    #[schema(example = "upgrade")]
    direction: &'static str,
    /// `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "USD")]
    listed_currency: Currency,
    /// To pay now, in the smallest unit. 0: it can take effect with the next period
    /// (`POST /v1/subscriptions/change`).
    #[schema(minimum = 0)]
    proration_charge_value: i64,
    /// `immediate`, or the time of the next renewal, RFC 3339.
    #[schema(example = "immediate")]
    effective_at: String,
    /// What the next period costs, in the smallest unit; null if none is due by itself.
    #[schema(required)]
    next_renewal_charge: Option<i64>,
    /// Days of that period; null with it.
    #[schema(required)]
    next_renewal_period_days: Option<i64>,
    /// Whole days of the paid time that are left.
    #[schema(minimum = 0)]
    days_left: i64,
    /// Whether a full period begins with the payment, and the days that are left are deducted.
    starts_new_period: bool,
    /// Whether the trial ends with it.
    ends_trial: bool,
}

/// Quotes a change of policy
///
/// The price of an upgrade is the difference between what the running, paid days were sold
/// for and what the target costs for exactly those days. A trial has paid for nothing, so the
/// full first period is due and the trial ends. For another length of period, a period begins
/// now, and the unused days are deducted. A downgrade costs nothing and takes effect with the
/// next renewal. The quote holds for the period that it was made in.
#[utoipa::path(
    post,
    path = "/v1/upgrade-quote",
    operation_id = "quoteUpgrade",
    tag = "buying",
    request_body = UpgradeQuoteRequest,
    responses(
        (status = 200, description = "What it costs now.", body = UpgradeQuote),
        BodyRefusals, AccessRefusals, Unknown, Conflict, TooMany, Failures
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    client: Client,
    request: Result<Json<UpgradeQuoteRequest>, ApiError>,
) -> Result<Json<UpgradeQuote>, ApiError> {
    let Json(request) = request?;
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&SUBSCRIPTIONS], &client, now).await?;
    let planned = planned(&ports, &request.license_key, &request.target_policy_slug).await?;
    Ok(Json(UpgradeQuote::of(&planned)))
}

/// The change of this license to this policy, as it is priced now.
///
/// # Errors
/// As [`refused`].
pub(crate) async fn planned(
    ports: &Ports,
    license_key: &str,
    target: &str,
) -> Result<PlannedTierChange, ApiError> {
    let (license_id, issued_at) = held::license_of(ports, license_key)?;
    let loaded = tier_change::load(
        &ports.database,
        &license_id,
        target.trim(),
        ChangeAuthor::Holder,
    );
    let loaded = loaded.await.map_err(refused)?;
    if loaded.basis.license.key_issued_at.replaces(Some(issued_at)) {
        return Err(held::replaced());
    }
    loaded.planned(ports.stamps.now()).map_err(refused)
}

/// The time of the next renewal in words.
pub(crate) fn renewal_of(planned: &PlannedTierChange) -> Option<String> {
    planned.basis.basis.license.expires_at.map(rfc3339)
}

impl UpgradeQuote {
    fn of(planned: &PlannedTierChange) -> Self {
        let basis = &planned.basis;
        let state = basis.subscription.as_ref().map(|one| one.state);
        let is_due = state.is_some_and(SubscriptionState::is_live)
            || (planned.starts_period() && state.is_some());
        let next = planned.next.filter(|_| is_due);
        let waits = planned.plan.timing == ChangeTiming::NextPeriod;
        Self {
            ok: true,
            from_policy_id: basis.from.id.clone(),
            from_policy_slug: basis.from.slug.clone(),
            to_policy_id: basis.to.id.clone(),
            to_policy_slug: basis.to.slug.clone(),
            direction: planned.direction.as_str(),
            listed_currency: planned.currency(),
            proration_charge_value: planned.plan.charge.amount(),
            effective_at: renewal_of(planned)
                .filter(|_| waits)
                .unwrap_or_else(|| "immediate".to_owned()),
            next_renewal_charge: next.map(|charge| charge.price.amount()),
            next_renewal_period_days: next.and(basis.to.renewal_period_days),
            days_left: planned.days_left,
            starts_new_period: planned.starts_period(),
            ends_trial: !waits && state == Some(SubscriptionState::Trialing),
        }
    }
}
