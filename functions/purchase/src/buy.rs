//! `POST /v1/purchase`: makes an invoice, or, at a price of 0, sells at once.
//!
//! A paid purchase is recorded before `BTCPay` is asked for an invoice that
//! carries our id as its order id. So whatever breaks afterwards, the reconciler
//! finds the invoice, or finds that there is none. The order's secret goes to the
//! buyer only: what `BTCPay` is told reaches checkout pages, Lightning descriptions
//! and exports.
//!
//! The use of a discount code is reserved by the batch that records the order.
//! While nobody pays, another order may take it over after some minutes; it is
//! given back when the order ends without a payment.

use crate::checkout::{self, NotMade};
use crate::order::{Buyer, for_sale, payment_method, present, redirect_url};
use crate::recent_orders::{NotSold, origin};
use crate::selection::{Selection, Wanted};
use crate::{Ports, codes, seller, usdc};
use axum::Extension;
use axum::extract::State;
use keywright_domain::caller_limits::{CODES, ORDERS, USDC_ORDERS};
use keywright_domain::invoice::InvoiceStatus;
use keywright_domain::money::Currency;
use keywright_domain::order::OrderSecret;
use keywright_domain::rail::Rail;
use keywright_domain::recent_orders::Origin;
use keywright_ports::{Level, Outbound};
use keywright_providers::btcpay;
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::{self, NewInvoice, Placed, Quote};
use keywright_store::sales::recent_orders::Full;
use keywright_store::sales::redemptions::Reservation;
use keywright_store::sales::settle::{self, Issued, NewIds, free_reference};
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown, Upstream};
use keywright_web::{ApiError, Client, Json, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Seconds until the reconciler first asks for a new invoice: most are paid
/// and told of by the webhook before.
const FIRST_CHECK_SECONDS: i64 = 120;

/// What to buy. An empty text counts as absent.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = PurchaseOrder)]
pub(crate) struct Order {
    /// Slug of the product.
    #[schema(example = "demo", pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    product: String,
    /// Slug of the policy. Without it, the policy `default` if it is for sale, else
    /// the only one for sale, at that policy's price. Where several are for sale it
    /// must be named. A product that has no policies at all is sold at its own
    /// price: perpetual, for one machine and without entitlements.
    policy_slug: Option<String>,
    /// Where the buyer can be reached; needed for `POST /v1/recover`. At most
    /// 254 bytes.
    #[schema(example = "satoshi@example.com", max_length = 254)]
    buyer_email: Option<String>,
    /// A note to the vendor, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    buyer_note: Option<String>,
    /// Where the checkout sends the buyer afterwards: http or https, at most
    /// 2000 bytes, without a user name before the host. Used as it is; it is not
    /// told the order. Without it, where the business sends its buyers, else the
    /// instance's thank-you page.
    #[schema(max_length = 2_000)]
    redirect_url: Option<String>,
    /// A discount code; small letters and spaces around it do not matter.
    /// Without one, and with `policy_slug`, a featured code that fits is used.
    #[schema(example = "LAUNCH")]
    code: Option<String>,
    /// What the checkout shows first: `lightning` or `onchain`; or `usdc`, to pay
    /// in USDC on Polygon, for what is priced in dollars.
    #[schema(example = "lightning", pattern = "^(lightning|onchain|usdc)?$")]
    rail: Option<String>,
}

/// A purchase. `license_key`, `license_id`, `token` and `download_id` are there
/// only when the license was issued at once, because there was nothing to pay.
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
    /// What the buyer pays, in sats: for a price in dollars or euros what
    /// `BTCPay` made of it, 0 where it did not say so yet.
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
    /// Where to ask for the key. Holds the secret.
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
    /// What to send where; there when the order is to be paid in USDC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    usdc: Option<usdc::Payment>,
}

/// A checked order.
struct Checked {
    selection: Selection,
    buyer: Buyer,
    redirect_url: Option<String>,
    payment_method: Option<(Rail, &'static str)>,
    in_usdc: bool,
    origin: Origin,
}

/// Buys a product
///
/// Answers where to pay and where to ask for the key. Where the price is 0, by
/// itself or by a discount code, the license is issued at once. A price in
/// dollars or euros is asked for in its currency, and converted by `BTCPay`.
///
/// A discount code's use is reserved with the order and given back when the
/// order ends without a payment; while nobody pays, another order may take it over
/// after five minutes, and this one keeps its price. An unknown product or policy is
/// 404; a code that cannot be used, a policy that is not for sale, and an order that
/// names none of several policies, are 400. 429
/// with `Retry-After` when too many orders of the caller or its network are unpaid, or
/// too many free licenses or trials were ordered from there.
#[utoipa::path(
    post,
    path = "/v1/purchase",
    tag = "buying",
    request_body = Order,
    responses(
        (status = 200, body = Purchase),
        Failures, BodyRefusals, Conflict, Unknown, Upstream, TooMany
    )
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    order: Result<Json<Order>, ApiError>,
) -> Result<Json<Purchase>, ApiError> {
    let Json(order) = order?;
    let in_usdc = order.rail.as_deref().map(str::trim) == Some(usdc::RAIL);
    let payment_method = payment_method(order.rail.filter(|_| !in_usdc))?;
    let buyer = Buyer::check(order.buyer_email, order.buyer_note)?;
    let redirect_url = redirect_url(order.redirect_url)?;
    let code = present(order.code);
    count(&ports, &client, in_usdc, code.is_some()).await?;
    let product = for_sale(&ports, &order.product).await?;
    let policy_slug = present(order.policy_slug);
    let wanted = policy_slug.as_deref().map_or(Wanted::Any, Wanted::Slug);
    let checked = Checked {
        selection: Selection::of(&ports, product, wanted).await?,
        buyer,
        redirect_url,
        payment_method,
        in_usdc,
        origin: origin(&client),
    };
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    if let Some(text) = code {
        let code = codes::typed(&ports, &text, &checked.selection, actor.at).await?;
        let code = code.map_err(codes::refused)?;
        return match sell(&ports, &actor, &checked, Some(&code)).await? {
            Ok(sold) => Ok(Json(sold)),
            Err(not_sold) => Err(not_sold.answer(&ports, &checked.origin).await?),
        };
    }
    if policy_slug.is_some() {
        for code in codes::offered(&ports, &checked.selection, actor.at).await? {
            match sell(&ports, &actor, &checked, Some(&code)).await? {
                Ok(sold) => return Ok(Json(sold)),
                Err(full @ NotSold::Full(Full::Orders(_) | Full::Email)) => {
                    return Err(full.answer(&ports, &checked.origin).await?);
                }
                // Nobody is refused for a code that they did not send.
                Err(NotSold::Exhausted | NotSold::Full(Full::Codes)) => {}
            }
        }
    }
    match sell(&ports, &actor, &checked, None).await? {
        Ok(sold) => Ok(Json(sold)),
        Err(not_sold) => Err(not_sold.answer(&ports, &checked.origin).await?),
    }
}

/// Counts an order against its caller, with what it holds and what it tries.
async fn count(
    ports: &Ports,
    client: &Client,
    in_usdc: bool,
    with_code: bool,
) -> Result<(), ApiError> {
    let mut limits = vec![&ORDERS];
    limits.extend(in_usdc.then_some(&USDC_ORDERS));
    limits.extend(with_code.then_some(&CODES));
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &limits, client, now)
        .await
        .map(drop)
}

/// Sells with this code, or says why not.
async fn sell(
    ports: &Ports,
    actor: &Actor,
    checked: &Checked,
    code: Option<&DiscountCode>,
) -> Result<Result<Purchase, NotSold>, ApiError> {
    let base = checked.selection.base;
    let price = code.map_or(base, |code| code.discount.price(base));
    let secret = OrderSecret::from_random(ports.stamps.random());
    let invoice = NewInvoice {
        id: ports.stamps.new_id(),
        poll_hash: secret.hash(),
        product_id: checked.selection.product.id.clone(),
        policy_id: checked.selection.policy_id().map(str::to_owned),
        price,
        base,
        payment_provider_id: None,
        terms: checked.selection.terms(),
        buyer_email: checked.buyer.email.clone(),
        buyer_note: checked.buyer.note.clone(),
        reservation: code.map(|code| Reservation {
            id: ports.stamps.new_id(),
            code_id: code.id.clone(),
        }),
    };
    if price.is_zero() {
        free(ports, actor, (&invoice, &secret), &checked.origin).await
    } else if checked.in_usdc {
        in_usdc(ports, actor, (&invoice, &secret), checked).await
    } else {
        paid(ports, actor, (invoice, &secret), checked).await
    }
}

async fn free(
    ports: &Ports,
    actor: &Actor,
    (invoice, secret): (&NewInvoice, &OrderSecret),
    origin: &Origin,
) -> Result<Result<Purchase, NotSold>, ApiError> {
    let sats = invoice.sats();
    let reference = free_reference(&invoice.id);
    let mut purchase = answer(ports, (invoice, secret), reference, String::new(), sats)?;
    let ids = NewIds::new(&ports.stamps);
    let keys = ports.receipt_keys()?;
    let issued = settle::free_purchase(&ports.database, actor, invoice, origin, &ids, keys).await?;
    let license_id = match issued {
        Issued::License(id) => id,
        Issued::Exhausted => return Ok(Err(NotSold::Exhausted)),
        Issued::Full(full) => return Ok(Err(NotSold::Full(full))),
    };
    if let Some(signed) = ports.signed(&license_id, &actor.request_id).await {
        purchase.license_key = Some(signed.license_key);
        purchase.token = Some(signed.token);
        purchase.download_id = signed.download_id;
    }
    purchase.license_id = Some(license_id);
    Ok(Ok(purchase))
}

async fn in_usdc(
    ports: &Ports,
    actor: &Actor,
    (invoice, secret): (&NewInvoice, &OrderSecret),
    checked: &Checked,
) -> Result<Result<Purchase, NotSold>, ApiError> {
    let product = &checked.selection.product;
    if product.merchant_profile_id.is_some() {
        ports.usdc_of(&seller::of(ports, &product.slug).await?)?;
    }
    ports.usdc()?;
    ports.receipt_keys()?;
    let redirect_url = checked.redirect_url.clone();
    let order = (invoice, secret, redirect_url);
    let ordered = match usdc::order(ports, order, &checked.origin, actor.at).await? {
        Ok(ordered) => ordered,
        Err(not_sold) => return Ok(Err(not_sold)),
    };
    let (reference, checkout_url) = (ordered.reference, ordered.checkout_url);
    let mut purchase = answer(ports, (invoice, secret), reference, checkout_url, None)?;
    purchase.usdc = Some(ordered.payment);
    Ok(Ok(purchase))
}

async fn paid(
    ports: &Ports,
    actor: &Actor,
    (mut invoice, secret): (NewInvoice, &OrderSecret),
    checked: &Checked,
) -> Result<Result<Purchase, NotSold>, ApiError> {
    let public_url = ports.public_url()?;
    let seller = seller::of(ports, &checked.selection.product.slug).await?;
    let rail = checked.payment_method.map(|(rail, _)| rail);
    let account = ports.account(&seller, rail)?;
    ports.receipt_keys()?;
    invoice.payment_provider_id.clone_from(&account.provider_id);
    let asked = checked.redirect_url.as_deref();
    let redirect_url = seller::redirect(asked, &seller, public_url, (&invoice.id, secret));
    let first_check = actor.at + FIRST_CHECK_SECONDS;
    let (database, origin) = (&ports.database, &checked.origin);
    match invoices::create_pending(database, &invoice, origin, actor.at, first_check).await? {
        Placed::Recorded => {}
        Placed::Exhausted => return Ok(Err(NotSold::Exhausted)),
        Placed::Full(full) => return Ok(Err(NotSold::Full(full))),
    }
    let new = btcpay::NewInvoice {
        order_id: &invoice.id,
        price: invoice.price,
        description: &checked.selection.product.name,
        buyer_email: checked.buyer.email.as_deref(),
        redirect_url: &redirect_url,
        default_payment_method: checked.payment_method.map(|(_, method)| method),
    };
    let place = (&account.store, &ports.outbound);
    let created = match checkout::invoice(place, new).await {
        Ok(created) => created,
        Err(not_made) => {
            let reason = not_made.to_string();
            if let NotMade::Refused(_) = not_made {
                // Certain that there is no invoice: nobody will ever pay it.
                let audit_id = ports.stamps.new_id();
                let (database, status) = (&ports.database, InvoiceStatus::Invalid);
                invoices::close(database, actor, &invoice.id, status, &reason, audit_id).await?;
            }
            return Err(ApiError::upstream(
                "the payment provider could not make an invoice; try again later",
                reason,
            ));
        }
    };
    let sats = match invoice.sats() {
        Some(sats) => Some(sats),
        None => converted(ports, actor, &invoice, place, &created.id).await,
    };
    invoices::attach_provider(
        &ports.database,
        &invoice.id,
        &created.id,
        &created.checkout_link,
        sats,
        created.monitoring_expiration,
    )
    .await?;
    let link = ports.for_browsers(created.checkout_link);
    answer(ports, (&invoice, secret), created.id, link, sats).map(Ok)
}

/// What the provider made of the price in sats; `None`, with a line in the log,
/// when it does not say so now: the buyer can pay without.
async fn converted(
    ports: &Ports,
    actor: &Actor,
    invoice: &NewInvoice,
    account: (&btcpay::Store, &Outbound),
    btcpay_invoice_id: &str,
) -> Option<Quote> {
    match checkout::sats(account, btcpay_invoice_id).await {
        Ok(sats) => Some(Quote::converted(sats, invoice.price, invoice.base)),
        Err(reason) => {
            let line = format!(
                "invoice {}: its price in sats is not known: {reason}",
                invoice.id
            );
            ports.log.write(Level::Warn, &actor.request_id, &line);
            None
        }
    }
}

fn answer(
    ports: &Ports,
    (invoice, secret): (&NewInvoice, &OrderSecret),
    btcpay_invoice_id: String,
    checkout_url: String,
    sats: Option<Quote>,
) -> Result<Purchase, ApiError> {
    let sats = sats.unwrap_or(Quote {
        amount_sats: 0,
        base_price_sats: 0,
    });
    Ok(Purchase {
        poll_url: format!("{}/v1/purchase/{}", ports.public_url()?, secret.as_str()),
        invoice_id: secret.as_str().to_owned(),
        order_id: invoice.id.clone(),
        btcpay_invoice_id,
        checkout_url,
        amount_sats: sats.amount_sats,
        base_price_sats: sats.base_price_sats,
        discount_applied_sats: sats.base_price_sats - sats.amount_sats,
        price_currency: invoice.price.currency(),
        price_value: invoice.price.amount(),
        base_price_value: invoice.base.amount(),
        discount_applied_value: invoice.base.amount() - invoice.price.amount(),
        license_key: None,
        license_id: None,
        token: None,
        download_id: None,
        usdc: None,
    })
}
