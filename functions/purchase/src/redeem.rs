//! `POST /v1/redeem`: a license for a code of the kind `free_license`.

use crate::orders::buyer::Buyer;
use crate::orders::{OrderError, draft, free, origin};
use crate::selection::{PolicyChoice, Selection};
use crate::{Ports, codes, product_lookup};
use axum::Extension;
use keywright_domain::caller_limits::{CODES, ORDERS};
use keywright_domain::discount::DiscountKind;
use keywright_domain::money::Price;
use keywright_domain::pasted::PastedLower;
use keywright_domain::recent_orders::OrderOrigin;
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::redemptions::Reservation;
use keywright_store::subscriptions::order_link::OrderPurpose;
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Attempted, Client, Json, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The code to redeem. An empty text counts as absent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redeem {
    /// Slug of the product.
    #[schema(value_type = String, example = "demo", pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    product: PastedLower,
    /// A code of the kind `free_license`; small letters and spaces around it do
    /// not matter.
    #[schema(example = "PRESS-2027")]
    code: String,
    /// Slug of the policy. Without it, the policy that the code is for, if it is for exactly
    /// one; else as for a purchase.
    #[schema(value_type = Option<String>)]
    policy_slug: Option<PastedLower>,
    /// Where the buyer can be reached; needed for `POST /v1/recover`. At most
    /// 254 bytes.
    #[schema(max_length = 254)]
    buyer_email: Option<String>,
    /// A note to the vendor, at most 2000 bytes.
    #[schema(max_length = 2_000)]
    buyer_note: Option<String>,
}

/// A redeemed code.
#[derive(Serialize, ToSchema)]
pub(crate) struct Redeemed {
    /// UUID of the license.
    license_id: String,
    /// The key.
    license_key: String,
    /// The token for the release gate.
    token: String,
    /// 32 hex digits that open the downloads of the license and nothing else:
    /// the "Download Key" of a Joomla site.
    download_id: Option<String>,
    /// Bearer secret of the buyer: anyone who has it can fetch the license key.
    invoice_id: String,
    /// UUID of the order. Public: it opens nothing.
    order_id: String,
    /// UUID of this use of the code.
    redemption_id: String,
}

/// Redeems a code for a free license
///
/// 400 for a code that cannot be used or is not of the kind `free_license`, 404
/// for an unknown product or policy. 429 when too many free licenses were ordered
/// from the caller's network. 503 if the license is issued and could
/// not be signed now: the message names the address where to fetch the key.
#[utoipa::path(
    post,
    path = "/v1/redeem",
    operation_id = "redeemCode",
    tag = "buying",
    request_body = Redeem,
    responses((status = 200, body = Redeemed), Failures, BodyRefusals, Conflict, Unknown, TooMany)
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    redeem: Result<Json<Redeem>, ApiError>,
) -> Result<Json<Redeemed>, ApiError> {
    let Json(redeem) = redeem?;
    let buyer = Buyer::check(redeem.buyer_email, redeem.buyer_note)?;
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&ORDERS, &CODES], &client, now).await?;
    let database = &ports.database;
    let product = product_lookup::ordered(database, redeem.product.as_str()).await?;
    let code = codes::find(database, &redeem.code, ports.stamps.now()).await?;
    let policy_slug = redeem.policy_slug.and_then(PastedLower::present);
    let only_policy = only_policy(code.as_ref(), &product.id);
    let choice = match (policy_slug.as_deref(), only_policy) {
        (Some(slug), _) => PolicyChoice::Slug(slug),
        (None, Some(id)) => PolicyChoice::Id(id),
        (None, None) => PolicyChoice::Unnamed,
    };
    let selection = Selection::of(database, product, choice).await?;
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    let code = codes::usable(code.clone(), &selection, actor.at).map_err(codes::refused)?;
    if code.discount.kind() != DiscountKind::FreeLicense {
        return Err(ApiError::bad_request(
            "code must be a free license; use a discount code with POST /v1/purchase",
        ));
    }
    let origin = origin(&client);
    let reservation = Reservation {
        id: ports.stamps.new_id(),
        code_id: code.id.clone(),
    };
    let issuing = issue(
        &ports,
        &actor,
        &selection,
        &buyer,
        &origin,
        &code,
        reservation,
    );
    let redeemed = issuing.await;
    match redeemed {
        Ok(redeemed) => Ok(Json(redeemed)),
        Err(error) => Err(error.answer(&ports, &origin).await),
    }
}

/// The policy that a code for this product is for, if it is for exactly one.
fn only_policy<'a>(code: Option<&'a DiscountCode>, product_id: &str) -> Option<&'a str> {
    let code = code.filter(|code| code.product_id.as_deref() == Some(product_id))?;
    match code.policy_ids.as_deref() {
        Some([id]) => Some(id),
        _ => None,
    }
}

async fn issue(
    ports: &Ports,
    actor: &Actor,
    selection: &Selection,
    buyer: &Buyer,
    origin: &OrderOrigin,
    code: &DiscountCode,
    reservation: Reservation,
) -> Result<Redeemed, OrderError> {
    let redemption_id = reservation.id.clone();
    let price = Price::free(selection.base.currency());
    let mut order = draft(ports, selection, buyer, price, Some(reservation));
    if let Some(terms) = selection.subscription_terms(Some(code), false)? {
        order.purpose = OrderPurpose::Subscribe {
            terms: Box::new(terms),
            trial_of: None,
        };
    }
    let license_id = free::issue(ports, actor, &order, origin).await?;
    let secret = order.identity.secret.as_str();
    let signed = ports.sign.license(&license_id).await.map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            format!(
                "the license is issued but could not be signed now; GET /v1/purchase/{secret} has its key soon"
            ),
            error.to_string(),
        )
    })?;
    Ok(Redeemed {
        license_id,
        license_key: signed.license_key,
        token: signed.token,
        download_id: signed.download_id,
        invoice_id: secret.to_owned(),
        order_id: order.identity.id,
        redemption_id,
    })
}
