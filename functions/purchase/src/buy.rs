//! `POST /v1/purchase`: places an order; at a price of 0 its license is issued at once.

use crate::codes::{self, TypedCode};
use crate::orders::buyer::{Buyer, redirect_url};
use crate::orders::pay_by::PayBy;
use crate::orders::{
    CheckedOrder, OrderError, OrderPayment, OrderTaker, PlacedOrder, count_order, origin,
};
use crate::selection::{PolicyChoice, Selection};
use crate::subscriptions::SubscriptionOffer;
use crate::{Ports, product_lookup, usdc};
use axum::Extension;
use keywright_domain::email;
use keywright_domain::money::Currency;
use keywright_domain::pasted::{Pasted, PastedLower};
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::{OrderRefusal, Quote};
use keywright_store::sales::recent_orders::OrderCap;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown, Upstream};
use keywright_web::{ApiError, Attempted, Client, Json, RequestId, hash_of_secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to buy. An empty text counts as absent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurchaseOrder {
    /// Slug of the product.
    #[schema(value_type = String, example = "demo", pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    product: PastedLower,
    /// Slug of the policy. Without it, the policy `default` if it is for sale, else
    /// the only one for sale, at that policy's price. Where several are for sale it
    /// must be named. A product that has no policies at all is sold at its own
    /// price: perpetual, for one machine and without entitlements.
    #[schema(value_type = Option<String>)]
    policy_slug: Option<PastedLower>,
    /// Where the buyer can be reached; needed for `POST /v1/recover`. At most
    /// 254 bytes.
    #[schema(example = "satoshi@example.com", max_length = 254)]
    buyer_email: Option<String>,
    /// A note to the vendor, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    buyer_note: Option<String>,
    /// Where the checkout sends the buyer afterwards: http or https, at most 2000 bytes,
    /// without a user name before the host. `{order_id}` in it stands for the order's id,
    /// and `{invoice_id}` for its secret, which the payment provider then reads too;
    /// nothing else about the order is added. Without it, the address of the business, else the instance's
    /// thank-you page.
    #[schema(max_length = 2_000)]
    redirect_url: Option<String>,
    /// A discount code; small letters and spaces around it do not matter.
    /// Without one, and with `policy_slug`, a featured code that fits is used. A featured
    /// code that costs the buyer less is used in place of this one.
    #[schema(value_type = Option<String>, example = "LAUNCH")]
    code: Option<Pasted>,
    /// How the buyer pays: `lightning`, `onchain` or `card`, which the checkout shows
    /// first; or `usdc`, to pay in USDC on Polygon, for what is priced in dollars.
    #[schema(example = "lightning", pattern = "^(lightning|onchain|card|usdc)?$")]
    rail: Option<String>,
}

/// A purchase. `license_key`, `license_id`, `token` and `download_id` are present only if
/// the license was issued at once, because there was nothing to pay.
#[derive(Serialize, ToSchema)]
pub(crate) struct Purchase {
    /// Bearer secret of the buyer: anyone who has it can fetch the license key.
    invoice_id: String,
    /// UUID of the order. Public: payment providers, the vendor's lists and support
    /// know the order by it, and it opens nothing.
    order_id: String,
    /// Id at the payment provider; `free-` and the order's id when there was
    /// nothing to pay.
    btcpay_invoice_id: String,
    /// Where the buyer pays; empty when there was nothing to pay.
    checkout_url: String,
    /// The price to pay, in sats: for a price in dollars or euros `BTCPay`'s conversion, 0
    /// while that is unknown and where the order is paid at Zaprite, which converts none.
    #[schema(minimum = 0)]
    amount_sats: i64,
    /// The price before the discount, in sats at the same rate.
    #[schema(minimum = 0)]
    base_price_sats: i64,
    /// What the discount code took off, in sats at the same rate.
    #[schema(minimum = 0)]
    discount_applied_sats: i64,
    /// What the price is in: `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "SAT")]
    price_currency: Currency,
    /// What the buyer pays, in the smallest unit of `price_currency`: sats or
    /// cents.
    #[schema(minimum = 0)]
    price_value: i64,
    /// The price before the discount, in the same unit.
    #[schema(minimum = 0)]
    base_price_value: i64,
    /// What the discount code took off, in the same unit.
    #[schema(minimum = 0)]
    discount_applied_value: i64,
    /// The discount code that was used; absent without one. It may be a featured code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "LAUNCH")]
    discount_code: Option<String>,
    /// What is sold by the period; absent for what is sold once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    subscription: Option<SubscriptionOffer>,
    /// Why it is not the code of the request, in words for the buyer; present only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "LAUNCH already gives you a better price")]
    discount_message: Option<String>,
    /// Where to fetch the key. Holds the secret.
    poll_url: String,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    license_key: Option<String>,
    /// UUID of the license.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    license_id: Option<String>,
    /// The token for the release gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
    /// 32 hex digits that open the downloads of the license and nothing else:
    /// the "Download Key" of a Joomla site.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    download_id: Option<String>,
    /// The amount and the address; present if the order is paid in USDC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    usdc: Option<usdc::UsdcPayment>,
}

/// Buys a product
///
/// Answers where to pay and where to fetch the key. At a price of 0, with or without a
/// discount code, the license is issued at once. A policy that is sold by the period and has a
/// trial costs nothing now and needs `buyer_email`; a buyer who had a trial of the product
/// pays for the first period. A price in dollars or euros is charged in its currency. 400 for a
/// rail that no payment provider of the business takes.
///
/// A code never costs the buyer more than the featured discount that it would replace:
/// then the featured code is used, and the other one keeps its uses. The use of a discount code is reserved with the order and released when the order ends
/// without a payment; while nobody pays, another order may take it over after five
/// minutes, and this one keeps its price. An unknown product or policy is
/// 404; a code that cannot be used, a policy that is not for sale, and an order that
/// names none of several policies, are 400. 429
/// with `Retry-After` when too many orders of the caller or its network are unpaid, or
/// too many free licenses or trials were ordered from there.
#[utoipa::path(
    post,
    path = "/v1/purchase",
    operation_id = "createOrder",
    tag = "buying",
    request_body = PurchaseOrder,
    responses(
        (status = 200, body = Purchase),
        Failures, BodyRefusals, Conflict, Unknown, Upstream, TooMany
    )
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    order: Result<Json<PurchaseOrder>, ApiError>,
) -> Result<Json<Purchase>, ApiError> {
    let Json(order) = order?;
    let pay_by = PayBy::parse(order.rail)?;
    let buyer = Buyer::check(order.buyer_email, order.buyer_note)?;
    let redirect_url = redirect_url(order.redirect_url)?;
    let code = order.code.and_then(Pasted::present);
    count_order(&ports, &client, pay_by, code.is_some()).await?;
    let product = product_lookup::ordered(&ports.database, order.product.as_str()).await?;
    let policy_slug = order.policy_slug.and_then(PastedLower::present);
    let choice = PolicyChoice::of_slug(policy_slug.as_deref());
    let selection = Selection::of(&ports.database, product, choice).await?;
    let trial_of = trial_of(&selection, &buyer)?;
    let mut checked = CheckedOrder {
        selection,
        buyer,
        redirect_url,
        pay_by,
        origin: origin(&client),
        trial_of,
    };
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
    let (database, selection) = (&ports.database, &checked.selection);
    let (typed, featured) = match code {
        Some(text) => {
            let typed = codes::typed(database, &text, selection, actor.at).await?;
            let TypedCode { code, better } = typed.map_err(codes::refused)?;
            (Some(code), better)
        }
        None if policy_slug.is_some() => {
            (None, codes::offered(database, selection, actor.at).await?)
        }
        None => (None, Vec::new()),
    };
    let mut placed = take_with_a_code(&taker, &checked, &featured, typed.as_ref()).await;
    if let Err(OrderError::Refused(OrderRefusal::TrialUsed)) = placed {
        checked.trial_of = None;
        placed = take_with_a_code(&taker, &checked, &featured, typed.as_ref()).await;
    }
    match placed {
        Ok((placed, better)) => {
            let mut purchase = answer(&taker, placed).await;
            purchase.discount_message = better.map(codes::already_better);
            Ok(Json(purchase))
        }
        Err(error) => Err(error.answer(&ports, &checked.origin).await),
    }
}

/// Whose trial an order would begin; `None` where its policy has none.
///
/// # Errors
/// 400 without an address: a trial is one for each buyer.
fn trial_of(selection: &Selection, buyer: &Buyer) -> Result<Option<String>, ApiError> {
    let recurrence = selection.recurrence()?;
    if recurrence.is_none_or(|one| one.trial_days == 0) {
        return Ok(None);
    }
    match &buyer.email {
        Some(address) => Ok(Some(hash_of_secret(&email::folded(address)))),
        None => Err(ApiError::bad_request(
            "buyer_email must be sent for a policy with a trial: there is one trial for each buyer",
        )),
    }
}

/// Takes an order with the first featured code that has a use left, else with the code
/// that the buyer typed, else at the full price: nobody is refused because of a code that
/// they did not send. The featured code is answered if it took the place of a typed one.
async fn take_with_a_code<'a>(
    taker: &OrderTaker<'_>,
    order: &CheckedOrder,
    featured: &'a [DiscountCode],
    typed: Option<&DiscountCode>,
) -> Result<(PlacedOrder, Option<&'a DiscountCode>), OrderError> {
    for code in featured {
        match taker.take(order, Some(code)).await {
            Err(OrderError::Refused(
                OrderRefusal::CodeUsedUp | OrderRefusal::TooMany(OrderCap::Codes),
            )) => {}
            taken => return taken.map(|placed| (placed, typed.and(Some(code)))),
        }
    }
    taker.take(order, typed).await.map(|placed| (placed, None))
}

async fn answer(taker: &OrderTaker<'_>, placed: PlacedOrder) -> Purchase {
    let (secret, price, base) = (&placed.identity.secret, placed.price, placed.base);
    let mut purchase = Purchase {
        poll_url: format!("{}/v1/purchase/{}", taker.public_url, secret.as_str()),
        invoice_id: secret.as_str().to_owned(),
        order_id: placed.identity.id,
        btcpay_invoice_id: String::new(),
        checkout_url: String::new(),
        amount_sats: 0,
        base_price_sats: 0,
        discount_applied_sats: 0,
        price_currency: price.currency(),
        price_value: price.amount(),
        base_price_value: base.amount(),
        discount_applied_value: base.amount() - price.amount(),
        discount_code: placed.code,
        subscription: placed.subscription,
        discount_message: None,
        license_key: None,
        license_id: None,
        token: None,
        download_id: None,
        usdc: None,
    };
    match placed.payment {
        OrderPayment::Free {
            reference,
            license_id,
            sats,
        } => {
            purchase.btcpay_invoice_id = reference;
            purchase.quote(sats);
            let request_id = &taker.actor.request_id;
            if let Some(signed) = taker.ports.signed(&license_id, request_id).await {
                purchase.license_key = Some(signed.license_key);
                purchase.token = Some(signed.token);
                purchase.download_id = signed.download_id;
            }
            purchase.license_id = Some(license_id);
        }
        OrderPayment::AtProvider {
            reference,
            checkout_url,
            sats,
        } => {
            purchase.btcpay_invoice_id = reference;
            purchase.checkout_url = checkout_url;
            purchase.quote(sats);
        }
        OrderPayment::Usdc {
            reference,
            checkout_url,
            payment,
        } => {
            purchase.btcpay_invoice_id = reference;
            purchase.checkout_url = checkout_url;
            purchase.usdc = Some(*payment);
        }
    }
    purchase
}

impl Purchase {
    /// Sets the prices in sats, if they are known.
    fn quote(&mut self, sats: Option<Quote>) {
        if let Some(sats) = sats {
            self.amount_sats = sats.amount_sats;
            self.base_price_sats = sats.base_price_sats;
            self.discount_applied_sats = sats.base_price_sats - sats.amount_sats;
        }
    }
}
