//! `POST /v1/redeem`: a license for a code of the kind `free_license`.

use crate::order::{Buyer, for_sale, present};
use crate::selection::{Selection, Wanted};
use crate::{Ports, codes, recent_orders};
use axum::Extension;
use axum::extract::State;
use keywright_domain::caller_limits::{CODES, ORDERS};
use keywright_domain::discount::DiscountKind;
use keywright_domain::discount::applies::Refusal;
use keywright_domain::money::Price;
use keywright_domain::order::OrderSecret;
use keywright_domain::recent_orders::Origin;
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::NewInvoice;
use keywright_store::sales::redemptions::Reservation;
use keywright_store::sales::settle::{self, Issued, NewIds};
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{BodyRefusals, Conflict, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What to redeem. An empty text counts as absent.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Redeem {
    /// Slug of the product.
    #[schema(example = "demo", pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    product: String,
    /// A code of the kind `free_license`; small letters and spaces around it do
    /// not matter.
    #[schema(example = "PRESS-2027")]
    code: String,
    /// Slug of the policy. Without it, the one the code is for, where it is for
    /// exactly one; else as for a purchase.
    policy_slug: Option<String>,
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
/// from the caller's network. 503 when the license is issued and could
/// not be signed now: the message names the address whose poll has the key.
#[utoipa::path(
    post,
    path = "/v1/redeem",
    tag = "buying",
    request_body = Redeem,
    responses((status = 200, body = Redeemed), Failures, BodyRefusals, Conflict, Unknown, TooMany)
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    client: Client,
    redeem: Result<Json<Redeem>, ApiError>,
) -> Result<Json<Redeemed>, ApiError> {
    let Json(redeem) = redeem?;
    let buyer = Buyer::check(redeem.buyer_email, redeem.buyer_note)?;
    let now = ports.stamps.now_millis();
    take_for(&ports.database, &[&ORDERS, &CODES], &client, now).await?;
    let product = for_sale(&ports, &redeem.product).await?;
    let code = codes::find(&ports, &redeem.code, ports.stamps.now()).await?;
    let policy_slug = present(redeem.policy_slug);
    let wanted = match (
        policy_slug.as_deref(),
        one_policy(code.as_ref(), &product.id),
    ) {
        (Some(slug), _) => Wanted::Slug(slug),
        (None, Some(id)) => Wanted::Id(id),
        (None, None) => Wanted::Any,
    };
    let selection = Selection::of(&ports, product, wanted).await?;
    let actor = Actor {
        name: "buyer".into(),
        at: ports.stamps.now(),
        request_id,
    };
    let code = codes::usable(code.clone(), &selection, actor.at).map_err(codes::refused)?;
    if code.discount.kind() != DiscountKind::FreeLicense {
        return Err(ApiError::bad_request(
            "code: it takes something off a price and is no free license; use it with POST /v1/purchase",
        ));
    }
    let origin = recent_orders::origin(&client);
    issue(&ports, &actor, &selection, (&buyer, &origin), &code)
        .await
        .map(Json)
}

/// The policy that a code for this product is for, where it is for exactly one.
fn one_policy<'a>(code: Option<&'a DiscountCode>, product_id: &str) -> Option<&'a str> {
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
    (buyer, origin): (&Buyer, &Origin),
    code: &DiscountCode,
) -> Result<Redeemed, ApiError> {
    let redemption_id = ports.stamps.new_id();
    let secret = OrderSecret::from_random(ports.stamps.random());
    let invoice = NewInvoice {
        id: ports.stamps.new_id(),
        poll_hash: secret.hash(),
        product_id: selection.product.id.clone(),
        policy_id: selection.policy_id().map(str::to_owned),
        price: Price::free(selection.base.currency()),
        base: selection.base,
        terms: selection.terms(),
        buyer_email: buyer.email.clone(),
        buyer_note: buyer.note.clone(),
        payment_provider_id: None,
        reservation: Some(Reservation {
            id: redemption_id.clone(),
            code_id: code.id.clone(),
        }),
    };
    let ids = NewIds::new(&ports.stamps);
    let keys = ports.receipt_keys()?;
    let issued =
        settle::free_purchase(&ports.database, actor, &invoice, origin, &ids, keys).await?;
    let license_id = match issued {
        Issued::License(id) => id,
        Issued::Exhausted => return Err(codes::refused(Refusal::Exhausted)),
        Issued::Full(full) => return Err(recent_orders::refused(ports, origin, full).await?),
    };
    let signed = ports.sign.license(&license_id).await.map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            format!(
                "the license is issued but could not be signed now; GET /v1/purchase/{} has its key soon",
                secret.as_str()
            ),
            error.to_string(),
        )
    })?;
    Ok(Redeemed {
        license_id,
        license_key: signed.license_key,
        token: signed.token,
        download_id: signed.download_id,
        invoice_id: secret.as_str().to_owned(),
        order_id: invoice.id,
        redemption_id,
    })
}
