//! `GET /v1/discount-codes/preview`: the price with a discount code. Uses nothing up.
//!
//! As in the list of policies, the contract's members named `…_sats` are in the
//! smallest unit of the product's currency.

use crate::codes::{self, TypedCode};
use crate::product_lookup;
use crate::selection::{PolicyChoice, Selection};
use axum::extract::State;
use keywright_domain::caller_limits::CODES;
use keywright_domain::discount::Discount;
use keywright_domain::discount::applies::CodeRefusal;
use keywright_domain::money::{Currency, Price};
use keywright_domain::pasted::PastedLower;
use keywright_ports::{Database, Stamps};
use keywright_store::catalog::discount_codes::DiscountCode;
use keywright_web::caller_limit::take_for;
use keywright_web::openapi::{BadQuery, Failures, TooMany, Unknown};
use keywright_web::{ApiError, Client, Json, StrictQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The code, and the order that it is for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PreviewQuery {
    /// The code; small letters and spaces around it do not matter.
    #[param(example = "LAUNCH")]
    code: String,
    /// Slug of the product.
    #[param(value_type = String, example = "demo")]
    product: PastedLower,
    /// Slug of the policy; without it, as for a purchase without one.
    #[param(value_type = Option<String>)]
    policy_slug: Option<PastedLower>,
}

/// The effect of the code now. It may be used up by the time of the order.
#[derive(Serialize, ToSchema)]
#[schema(as = DiscountPreview)]
#[serde(untagged)]
pub(crate) enum Preview {
    Usable(Usable),
    Refused(Refused),
}

/// A code that can be used for this order.
#[derive(Serialize, ToSchema)]
#[schema(as = UsableDiscount)]
pub(crate) struct Usable {
    /// Whether the code can be used for this order.
    #[schema(example = true)]
    valid: bool,
    /// The code as it is recorded.
    code: String,
    /// The code that an order would use: this one, or the featured code that costs the
    /// buyer less.
    applied_code: String,
    /// `percent`, `fixed_sats`, `set_price` or `free_license`.
    kind: &'static str,
    /// Whether there is nothing left to pay with `applied_code`.
    is_free: bool,
    /// What the prices are in: `SAT`, `USD` or `EUR`. All of them are in its
    /// smallest unit: sats, or cents.
    #[schema(value_type = String, example = "SAT")]
    price_currency: Currency,
    /// The price without the code.
    base_price_sats: i64,
    /// What `applied_code` takes off.
    discount_applied_sats: i64,
    /// The price with `applied_code`.
    final_price_sats: i64,
    /// As `base_price_sats`, under a name that is right for every currency.
    base_price_value: i64,
    /// As `discount_applied_sats`.
    discount_applied_value: i64,
    /// As `final_price_sats`.
    final_price_value: i64,
    /// The percent of a percent code, such as 25 or 12.5; null for the others.
    amount_pct: Option<f64>,
    /// The same in words, for the buyer.
    message: String,
}

/// A code that cannot be used for this order.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusedDiscount)]
pub(crate) struct Refused {
    /// Whether the code can be used for this order.
    #[schema(example = false)]
    valid: bool,
    /// `unknown_code`, `disabled`, `expired`, `wrong_product`, `wrong_tier` or
    /// `exhausted`: the first that applies.
    #[schema(value_type = String, example = "expired")]
    reason: CodeRefusal,
    /// The same in words, for the buyer.
    message: &'static str,
    /// What the price is in: `SAT`, `USD` or `EUR`.
    #[schema(value_type = String, example = "SAT")]
    price_currency: Currency,
    /// The price without the code, in the smallest unit of `price_currency`.
    base_price_sats: i64,
    /// As `base_price_sats`, under a name that is right for every currency.
    base_price_value: i64,
}

/// Shows what a discount code does to a price
///
/// Uses nothing up. A code never costs the buyer more than the featured discount that
/// it would replace: then the prices are those of the featured code, `applied_code` names
/// it, and the message says so. A code that cannot be used is a 200 with `valid: false`
/// and the reason; 404 for an unknown product or policy, 400 for an empty code.
/// Thirty codes at once from an address and one more every two seconds.
#[utoipa::path(
    get,
    path = "/v1/discount-codes/preview",
    operation_id = "previewDiscountCode",
    tag = "buying",
    params(PreviewQuery),
    responses((status = 200, body = Preview), Failures, BadQuery, Unknown, TooMany)
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(stamps): State<Stamps>,
    client: Client,
    query: Result<StrictQuery<PreviewQuery>, ApiError>,
) -> Result<Json<Preview>, ApiError> {
    let StrictQuery(query) = query?;
    if query.code.trim().is_empty() {
        return Err(ApiError::bad_request("code must not be empty"));
    }
    take_for(&database, &[&CODES], &client, stamps.now_millis()).await?;
    let product = product_lookup::on_sale(&database, query.product.as_str()).await?;
    let policy_slug = query.policy_slug.and_then(PastedLower::present);
    let choice = PolicyChoice::of_slug(policy_slug.as_deref());
    let selection = Selection::of(&database, product, choice).await?;
    let now = stamps.now();
    let code = codes::typed(&database, &query.code, &selection, now).await?;
    Ok(Json(match code {
        Ok(TypedCode { code, better }) => {
            Preview::Usable(usable(&code, better.first(), selection.base))
        }
        Err(reason) => Preview::Refused(Refused {
            valid: false,
            reason,
            message: reason.message(),
            price_currency: selection.base.currency(),
            base_price_sats: selection.base.amount(),
            base_price_value: selection.base.amount(),
        }),
    }))
}

/// The effect of a code, or of the featured code that is better.
fn usable(code: &DiscountCode, better: Option<&DiscountCode>, base: Price) -> Usable {
    let applied = better.unwrap_or(code);
    let price = applied.discount.price(base);
    let off = base.less(price.amount());
    let less = format!("{} less, {} to pay", in_words(off), in_words(price));
    let message = match (better, code.discount, price.is_zero()) {
        (Some(better), _, _) => codes::already_better(better),
        (None, _, true) => "nothing to pay: the license is free with this code".to_owned(),
        (None, Discount::Percent(points), _) => format!("{} % off: {less}", percent(points)),
        (None, _, _) => less,
    };
    Usable {
        valid: true,
        code: code.code.clone(),
        applied_code: applied.code.clone(),
        kind: code.discount.kind().as_str(),
        is_free: price.is_zero(),
        price_currency: base.currency(),
        base_price_sats: base.amount(),
        discount_applied_sats: off.amount(),
        final_price_sats: price.amount(),
        base_price_value: base.amount(),
        discount_applied_value: off.amount(),
        final_price_value: price.amount(),
        amount_pct: match code.discount {
            Discount::Percent(points) => Some(percent(points)),
            _ => None,
        },
        message,
    }
}

/// A price in the words of a message: `2500 sats`, `25.00 USD`.
fn in_words(price: Price) -> String {
    match price.currency() {
        Currency::Sat if price.amount() == 1 => "1 sat".to_owned(),
        Currency::Sat => format!("{} sats", price.amount()),
        currency => format!("{} {currency}", price.to_decimal()),
    }
}

/// For show only: what is charged is computed in whole sats or cents.
fn percent(basis_points: u16) -> f64 {
    f64::from(basis_points) / 100.0
}
