//! `POST /v1/subscriptions/pay`: an order for the next period. The link that a buyer holds
//! leads here, and makes a fresh order whenever it is opened, because an invoice lives for
//! minutes and a cycle for days.

use super::held;
use super::view::{is_over, is_paid_ahead};
use crate::orders::buyer::{Buyer, redirect_url};
use crate::orders::pay_by::PayBy;
use crate::orders::{CheckedOrder, OrderPayment, OrderTaker, count_order, draft, origin};
use crate::selection::{PolicyChoice, Selection};
use crate::{Ports, usdc};
use axum::Extension;
use keywright_domain::dates::rfc3339;
use keywright_domain::money::Currency;
use keywright_domain::order::OrderProvider;
use keywright_domain::standing::LicenseStatus;
use keywright_domain::subscription::SubscriptionState;
use keywright_domain::subscription::terms::{Charge, SubscriptionTerms};
use keywright_domain::terms::Terms;
use keywright_store::catalog::products::{self, Product};
use keywright_store::operator::audit::Actor;
use keywright_store::subscriptions::cycles::{self, OpenedCycle};
use keywright_store::subscriptions::lookup::{self, Subscription};
use keywright_store::subscriptions::order_link::OrderPurpose;
use keywright_web::openapi::{
    AccessRefusals, BodyRefusals, Conflict, Failures, TooMany, Unknown, Upstream,
};
use keywright_web::{ApiError, Attempted, Client, Json, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For how long the order that is open at a store is shown again, in seconds: an invoice
/// there can be paid for a quarter of an hour, and whoever opens it needs some minutes.
const SHOWN_AGAIN_SECONDS: i64 = 600;

/// Which subscription, and how it is paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscriptionPaymentRequest {
    /// The key of its license; this or `pay_token`.
    license_key: Option<String>,
    /// The token in the link to its page.
    pay_token: Option<String>,
    /// As for `POST /v1/purchase`.
    #[schema(example = "lightning", pattern = "^(lightning|onchain|card|usdc)?$")]
    rail: Option<String>,
    /// As for `POST /v1/purchase`; without it, the subscription's page.
    #[schema(max_length = 2_000)]
    redirect_url: Option<String>,
}

/// Where a period is paid.
#[derive(Serialize, ToSchema)]
pub(crate) struct SubscriptionPayment {
    /// Always `true`.
    ok: bool,
    /// UUID of the subscription.
    subscription_id: String,
    /// UUID of the order. Public.
    order_id: String,
    /// The secret of the order, for `GET /v1/purchase/{invoice_id}`; absent for an order
    /// that was open before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    invoice_id: Option<String>,
    /// Where to pay; empty if there was nothing to pay.
    checkout_url: String,
    /// `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "USD")]
    price_currency: Currency,
    /// To pay, in the smallest unit.
    #[schema(minimum = 0)]
    price_value: i64,
    /// 1 is the first period that is paid.
    #[schema(minimum = 1)]
    cycle_number: i64,
    /// The payment; present if it is in USDC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    usdc: Option<usdc::UsdcPayment>,
}

/// Pays for the next period of a subscription
///
/// Answers where to pay. One period can be paid ahead. A subscription that lapsed, or was
/// cancelled and has ended, comes back with this payment, at the price of today. 409 when
/// nothing can be paid now.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/pay",
    operation_id = "paySubscription",
    tag = "buying",
    request_body = SubscriptionPaymentRequest,
    responses(
        (status = 200, description = "Where to pay.", body = SubscriptionPayment),
        BodyRefusals, AccessRefusals, Unknown, Conflict, TooMany, Upstream, Failures
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    request: Result<Json<SubscriptionPaymentRequest>, ApiError>,
) -> Result<Json<SubscriptionPayment>, ApiError> {
    let Json(request) = request?;
    let pay_by = PayBy::parse(request.rail)?;
    let redirect_url = redirect_url(request.redirect_url)?;
    count_order(&ports, &client, pay_by, false).await?;
    let held = held::by_either(&ports, request.license_key, request.pay_token).await?;
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    let payer = Payer {
        ports: &ports,
        actor: &actor,
        public_url: ports.public_url()?,
    };
    let product = products::find(&ports.database, &held.subscription().product).await?;
    let product = product.ok_or_else(|| ApiError::internal("a product is gone"))?;
    let (subscription, charge) = payer.opened(held.subscription(), &product).await?;
    let cycle_id = subscription
        .open_cycle_id
        .clone()
        .ok_or_else(changed_meanwhile)?;
    if let Some(payment) = payer
        .open_order(&subscription, charge, &cycle_id, pay_by)
        .await?
    {
        return Ok(Json(payment));
    }
    let checked = CheckedOrder {
        selection: Selection {
            product,
            policy: None,
            base: charge.base,
        },
        buyer: Buyer {
            email: subscription.buyer_email.clone(),
            note: None,
        },
        redirect_url: redirect_url.or_else(|| Some(format!("{}/subscription", payer.public_url))),
        pay_by,
        origin: origin(&client),
        trial_of: None,
    };
    let payment = payer
        .order(&subscription, charge, cycle_id, &checked)
        .await?;
    Ok(Json(payment))
}

/// What paying for a period needs.
struct Payer<'a> {
    ports: &'a Ports,
    actor: &'a Actor,
    public_url: &'a str,
}

impl Payer<'_> {
    /// The subscription with its next cycle open, and what that costs.
    async fn opened(
        &self,
        subscription: &Subscription,
        product: &Product,
    ) -> Result<(Subscription, Charge), ApiError> {
        let now = self.actor.at;
        match subscription.license_status {
            LicenseStatus::Active => {}
            LicenseStatus::Suspended | LicenseStatus::Unknown => {
                return Err(ApiError::conflict(
                    "the license is suspended, so nothing is due; ask the vendor",
                ));
            }
            LicenseStatus::Revoked => {
                return Err(ApiError::conflict("the license was revoked"));
            }
        }
        let is_over = is_over(subscription, now);
        if subscription.state == SubscriptionState::Cancelled && !is_over {
            return Err(ApiError::conflict(
                "the subscription is cancelled; resume it first",
            ));
        }
        if !is_over && is_paid_ahead(subscription, now) {
            return Err(ApiError::conflict(match subscription.expires_at {
                Some(at) => format!(
                    "it is paid until {}; the next period comes later",
                    rfc3339(at)
                ),
                None => "the license never ends, so nothing is due".to_owned(),
            }));
        }
        if subscription.open_cycle_id.is_some() {
            return Ok((subscription.clone(), subscription.next_charge()));
        }
        let new_terms = if is_over {
            Some(self.terms_of_today(subscription, product).await?)
        } else {
            None
        };
        let number = subscription.paid_cycles + 1;
        let charge = match &new_terms {
            Some(terms) => terms.charge(number),
            None => subscription.next_charge(),
        };
        let cycle = OpenedCycle {
            id: &self.ports.stamps.new_id(),
            subscription_id: &subscription.id,
            step_id: &subscription.step_id,
            number,
            charge,
            due_at: subscription.expires_at.unwrap_or(now),
            terms: new_terms.as_ref(),
        };
        let audit_id = self.ports.stamps.new_id();
        if !cycles::open(&self.ports.database, self.actor, &cycle, &audit_id).await? {
            return Err(changed_meanwhile());
        }
        let opened = lookup::get(&self.ports.database, &subscription.id).await?;
        Ok((opened.ok_or_else(changed_meanwhile)?, charge))
    }

    /// What it is sold for today, if its policy is on sale; else what it was sold for, without
    /// the code: that ended with it.
    async fn terms_of_today(
        &self,
        subscription: &Subscription,
        product: &Product,
    ) -> Result<SubscriptionTerms, ApiError> {
        let old = || SubscriptionTerms {
            discount: None,
            ..subscription.terms.clone()
        };
        let Some(policy_id) = &subscription.policy_id else {
            return Ok(old());
        };
        let choice = PolicyChoice::Id(policy_id);
        let today = Selection::of(&self.ports.database, product.clone(), choice).await;
        let today = match today {
            Ok(selection) if product.active => selection.subscription_terms(None, false)?,
            _ => None,
        };
        Ok(today.unwrap_or_else(old))
    }

    /// The order that is open at a provider, if it is still fresh enough to be paid.
    async fn open_order(
        &self,
        subscription: &Subscription,
        charge: Charge,
        cycle_id: &str,
        pay_by: PayBy,
    ) -> Result<Option<SubscriptionPayment>, ApiError> {
        let open = cycles::open_order(&self.ports.database, cycle_id).await?;
        let is_shown = |provider| match pay_by {
            PayBy::Provider(None) => {
                matches!(provider, OrderProvider::Btcpay | OrderProvider::Zaprite)
            }
            // A rail that was named, and an order in USDC, whose page needs its secret.
            PayBy::Provider(Some(_)) | PayBy::Usdc => false,
        };
        let open = open.filter(|open| {
            is_shown(open.provider)
                && !open.checkout_url.is_empty()
                && self.actor.at - open.created_at < SHOWN_AGAIN_SECONDS
        });
        Ok(open.map(|open| SubscriptionPayment {
            ok: true,
            subscription_id: subscription.id.clone(),
            order_id: open.id,
            invoice_id: None,
            checkout_url: self.ports.for_browsers(open.checkout_url),
            price_currency: charge.price.currency(),
            price_value: charge.price.amount(),
            cycle_number: subscription.paid_cycles + 1,
            usdc: None,
        }))
    }

    /// A new order, in place of the one that is open.
    async fn order(
        &self,
        subscription: &Subscription,
        charge: Charge,
        cycle_id: String,
        checked: &CheckedOrder,
    ) -> Result<SubscriptionPayment, ApiError> {
        let selection = &checked.selection;
        let mut order = draft(self.ports, selection, &checked.buyer, charge.price, None);
        order.policy_id.clone_from(&subscription.policy_id);
        order.terms = Terms {
            duration_seconds: subscription.terms.period_seconds(),
            grace_seconds: subscription.terms.grace_seconds(),
            ..Terms::default()
        };
        order.purpose = OrderPurpose::PayCycle {
            cycle_id,
            license_id: subscription.license_id.clone(),
            tier_change_id: subscription.booked_change_id.clone(),
        };
        let taker = OrderTaker {
            ports: self.ports,
            actor: self.actor,
            public_url: self.public_url,
        };
        let placed = match taker.place(order, checked, None).await {
            Ok(placed) => placed,
            Err(error) => return Err(error.answer(self.ports, &checked.origin).await),
        };
        let (checkout_url, usdc) = match placed.payment {
            OrderPayment::Free { .. } => (String::new(), None),
            OrderPayment::AtProvider { checkout_url, .. } => (checkout_url, None),
            OrderPayment::Usdc {
                checkout_url,
                payment,
                ..
            } => (checkout_url, Some(*payment)),
        };
        Ok(SubscriptionPayment {
            ok: true,
            subscription_id: subscription.id.clone(),
            invoice_id: Some(placed.identity.secret.as_str().to_owned()),
            order_id: placed.identity.id,
            checkout_url,
            price_currency: charge.price.currency(),
            price_value: charge.price.amount(),
            cycle_number: subscription.paid_cycles + 1,
            usdc,
        })
    }
}

fn changed_meanwhile() -> ApiError {
    ApiError::conflict("the subscription changed meanwhile; look at it again")
}
