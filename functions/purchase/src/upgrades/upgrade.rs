//! `POST /v1/upgrade`: an order for another policy of a license that is there.

use super::quote::{planned, renewal_of};
use crate::orders::buyer::{Buyer, redirect_url};
use crate::orders::pay_by::PayBy;
use crate::orders::{CheckedOrder, OrderPayment, OrderTaker, count_order, draft, origin};
use crate::selection::Selection;
use crate::{Ports, usdc};
use axum::Extension;
use keywright_domain::money::Currency;
use keywright_domain::proration::{ChangeDirection, ChangeTiming};
use keywright_services::tier_change::PlannedTierChange;
use keywright_store::operator::audit::Actor;
use keywright_store::subscriptions::order_link::OrderPurpose;
use keywright_web::openapi::{
    AccessRefusals, BodyRefusals, Conflict, Failures, TooMany, Unknown, Upstream,
};
use keywright_web::{ApiError, Attempted, Client, Json, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which license, which policy it is to get, and how it is paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpgradeRequest {
    /// The license key.
    license_key: String,
    /// Slug of a policy of the same product with a higher `tier_rank`.
    #[schema(example = "pro")]
    target_policy_slug: String,
    /// As for `POST /v1/purchase`.
    #[schema(max_length = 2_000)]
    redirect_url: Option<String>,
    /// As for `POST /v1/purchase`.
    #[schema(example = "lightning", pattern = "^(lightning|onchain|usdc)?$")]
    rail: Option<String>,
}

/// Where an upgrade is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct UpgradeOrder {
    /// Always `true`.
    ok: bool,
    /// The secret of the order, for `GET /v1/purchase/{invoice_id}`. Once that is settled, its
    /// `license_key` stays null: the license has its key already.
    invoice_id: String,
    /// UUID of the order. Public.
    order_id: String,
    /// The provider's id of the invoice.
    provider_invoice_id: String,
    /// Where to pay.
    checkout_url: String,
    /// What it costs in sats; 0 while that is not known.
    #[schema(minimum = 0)]
    amount_sats: i64,
    /// What it costs, in the smallest unit of `listed_currency`.
    #[schema(minimum = 1)]
    proration_charge_value: i64,
    /// `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "USD")]
    listed_currency: Currency,
    /// UUID of the change.
    tier_change_id: String,
    /// Slug of the policy that the license has.
    #[schema(example = "basic")]
    from_policy_slug: String,
    /// Slug of the policy that it gets.
    #[schema(example = "pro")]
    to_policy_slug: String,
    /// Where to ask how the order stands.
    poll_url: String,
    /// The payment; present if it is in USDC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    usdc: Option<usdc::UsdcPayment>,
}

/// Upgrades a license
///
/// Answers where to pay. When the payment settles, the same license gets the policy, the
/// entitlements and the seats of the target; keys that were given out stay valid. An order
/// that was open for an upgrade of this license is replaced. 403 for a downgrade, and 400 for
/// what costs nothing now: `POST /v1/subscriptions/change` books both.
#[utoipa::path(
    post,
    path = "/v1/upgrade",
    operation_id = "upgradeLicense",
    tag = "buying",
    request_body = UpgradeRequest,
    responses(
        (status = 200, description = "Where to pay.", body = UpgradeOrder),
        BodyRefusals, AccessRefusals, Unknown, Conflict, TooMany, Upstream, Failures
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    request: Result<Json<UpgradeRequest>, ApiError>,
) -> Result<Json<UpgradeOrder>, ApiError> {
    let Json(request) = request?;
    let pay_by = PayBy::parse(request.rail)?;
    let redirect_url = redirect_url(request.redirect_url)?;
    count_order(&ports, &client, pay_by, false).await?;
    let planned = planned(&ports, &request.license_key, &request.target_policy_slug).await?;
    if planned.direction == ChangeDirection::Downgrade {
        return Err(ApiError::forbidden(
            "a downgrade takes effect with the next period; book it with POST /v1/subscriptions/change",
        ));
    }
    if planned.plan.charge.is_zero() {
        return Err(costs_nothing(&planned));
    }
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    let taker = OrderTaker {
        ports: &ports,
        actor: &actor,
        public_url: ports.public_url()?,
    };
    let has_subscription = planned.basis.subscription.is_some();
    let page = || has_subscription.then(|| format!("{}/subscription", taker.public_url));
    let change = planned.recorded(ports.stamps.new_id(), actor.at);
    let checked = CheckedOrder {
        selection: Selection {
            product: planned.basis.product.clone(),
            policy: Some(planned.basis.to.clone()),
            base: planned.plan.charge,
        },
        buyer: Buyer {
            email: planned.basis.basis.license.buyer_email.clone(),
            note: None,
        },
        redirect_url: redirect_url.or_else(page),
        pay_by,
        origin: origin(&client),
        trial_of: None,
    };
    let charge = planned.plan.charge;
    let mut order = draft(&ports, &checked.selection, &checked.buyer, charge, None);
    let tier_change_id = change.id.clone();
    order.purpose = OrderPurpose::Upgrade(Box::new(change));
    let placed = match taker.place(order, &checked, None).await {
        Ok(placed) => placed,
        Err(error) => return Err(error.answer(&ports, &checked.origin).await),
    };
    let (provider_invoice_id, checkout_url, sats, usdc) = match placed.payment {
        OrderPayment::Free { .. } => return Err(costs_nothing(&planned)),
        OrderPayment::AtProvider {
            reference,
            checkout_url,
            sats,
        } => (reference, checkout_url, sats, None),
        OrderPayment::Usdc {
            reference,
            checkout_url,
            payment,
        } => (reference, checkout_url, None, Some(*payment)),
    };
    let secret = placed.identity.secret.as_str();
    Ok(Json(UpgradeOrder {
        ok: true,
        poll_url: format!("{}/v1/purchase/{secret}", taker.public_url),
        invoice_id: secret.to_owned(),
        order_id: placed.identity.id,
        provider_invoice_id,
        checkout_url,
        amount_sats: sats.map_or(0, |sats| sats.amount_sats),
        proration_charge_value: charge.amount(),
        listed_currency: charge.currency(),
        tier_change_id,
        from_policy_slug: planned.basis.from.slug.clone(),
        to_policy_slug: planned.basis.to.slug.clone(),
        usdc,
    }))
}

/// No dead end: what costs nothing now is offered for the next period.
fn costs_nothing(planned: &PlannedTierChange) -> ApiError {
    let date = renewal_of(planned).filter(|_| planned.plan.timing == ChangeTiming::NextPeriod);
    ApiError::bad_request(match date {
        Some(date) => format!(
            "this change costs nothing now; it can take effect at the renewal on {date}: book it with POST /v1/subscriptions/change"
        ),
        None => "this change costs nothing, so there is nothing to pay; ask the vendor".to_owned(),
    })
}
