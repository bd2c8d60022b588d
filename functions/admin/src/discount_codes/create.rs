//! `POST /v1/admin/discount-codes`: a new discount code.

use super::{
    CodeView, check_cycles, check_description, check_referrer, check_uses, end, policy_ids,
};
use crate::caps::AtCap;
use crate::{Operator, Ports};
use keywright_domain::discount::code::CodeText;
use keywright_domain::discount::{Discount, DiscountKind};
use keywright_domain::instance_tier::CappedResource;
use keywright_domain::money::Currency;
use keywright_domain::pasted::PastedLower;
use keywright_store::catalog::creation::Creation;
use keywright_store::catalog::discount_codes::{self, DiscountCode};
use keywright_store::catalog::products::{self, Product};
use keywright_web::openapi::{AccessRefusals, BodyRefusals, Conflict, Failures, Unknown};
use keywright_web::{ApiError, Attempted, Json};
use serde::Deserialize;
use utoipa::ToSchema;

/// What the code is and what it does.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscountCodeInput {
    /// What buyers type: 1 to 64 characters `A-Z`, `0-9`, `_` and `-`. Small
    /// letters are made large.
    #[schema(example = "LAUNCH", pattern = "^[A-Za-z0-9_-]{1,64}$")]
    code: String,
    /// `percent`, `fixed_sats`, `set_price` or `free_license`.
    #[schema(value_type = String, example = "percent", pattern = "^(percent|fixed_sats|set_price|free_license)$")]
    kind: DiscountKind,
    /// Basis points from 0 to 10000 for `percent` (2500 is 25 %), a number of
    /// the smallest unit of `discount_currency` above 0 for `fixed_sats` and
    /// `set_price`; not needed for `free_license`.
    #[schema(example = 2500, minimum = 0)]
    amount: Option<i64>,
    /// What the amount of `fixed_sats` and `set_price` is in: `SAT`, `USD` or
    /// `EUR`. Such a code is for products priced in that currency and no other.
    /// Without it `SAT`.
    #[schema(example = "SAT", pattern = "^(SAT|USD|EUR)$")]
    discount_currency: Option<String>,
    /// How often it may be used, from 1; without it as often as they like.
    #[schema(minimum = 1)]
    max_uses: Option<i64>,
    /// When it ends, RFC 3339; without it never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Slug of the one product it is for; without it every product.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    product_slug: Option<PastedLower>,
    /// Slug of the one policy it is for; needs `product_slug`.
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$")]
    policy_slug: Option<PastedLower>,
    /// Slugs of the policies it is for, at most 100; needs `product_slug`.
    /// Without any, every policy.
    #[schema(max_items = 100)]
    policy_slugs: Option<Vec<String>>,
    /// Whether buyers who name a policy get it without asking. Of several that
    /// fit, one for their policy comes before one for the product, that before
    /// one for everything, and the older before the newer.
    featured: Option<bool>,
    /// For how many cycles of a subscription it holds, the first paid one included; 0 for
    /// ever; not sent: 1. A buyer keeps what the code promised when it was used.
    #[schema(minimum = 0, maximum = 1_000)]
    cycles: Option<i64>,
    /// What it is for, at most 2000 bytes; buyers see it where the code is
    /// featured.
    #[schema(max_length = 2_000)]
    description: Option<String>,
    /// Who brings the buyers, at most 200 bytes.
    #[schema(max_length = 200)]
    referrer_label: Option<String>,
}

/// Makes a discount code
///
/// 409 when there is one of this text, 404 for an unknown product or policy.
#[utoipa::path(
    post,
    path = "/v1/admin/discount-codes",
    operation_id = "createDiscountCode",
    tag = "discount codes",
    request_body = DiscountCodeInput,
    responses(
        (status = 200, description = "The code.", body = CodeView),
        BodyRefusals, AccessRefusals, AtCap, Conflict, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    Attempted(ports): Attempted<Ports>,
    Operator(actor): Operator,
    new: Result<Json<DiscountCodeInput>, ApiError>,
) -> Result<Json<CodeView>, ApiError> {
    let Json(new) = new?;
    let code = CodeText::parse(&new.code)
        .map_err(|error| ApiError::bad_request(format!("code {error}")))?;
    let currency = new.discount_currency.as_deref().map(currency).transpose()?;
    let currency = currency.unwrap_or(Currency::Sat);
    let discount = discount(new.kind, new.amount, currency)?;
    new.max_uses.map_or(Ok(()), check_uses)?;
    new.cycles.map_or(Ok(()), check_cycles)?;
    let expires_at = new.expires_at.as_deref().map(end).transpose()?;
    let description = new.description.unwrap_or_default();
    check_description(&description)?;
    new.referrer_label
        .as_deref()
        .map_or(Ok(()), check_referrer)?;
    let policy_slug = new.policy_slug.and_then(PastedLower::present);
    let slugs = slugs(policy_slug, new.policy_slugs)?;
    let product_slug = new.product_slug.and_then(PastedLower::present);
    let product = match &product_slug {
        Some(slug) => Some(product(&ports, slug).await?),
        None if slugs.is_empty() => None,
        None => {
            return Err(ApiError::bad_request(
                "policy_slugs is only allowed together with product_slug",
            ));
        }
    };
    let policy_ids = match &product {
        Some(product) => policy_ids(&ports.database, &product.id, &slugs).await?,
        None => None,
    };
    let priced = product.as_ref().map(|product| product.price.currency());
    if let Some(priced) = priced.filter(|priced| !discount.is_for(*priced)) {
        return Err(ApiError::bad_request(format!(
            "discount_currency must be {priced}, the currency of the product: an amount in {currency} would never apply"
        )));
    }
    let product_id = product.map(|product| product.id);
    let code = DiscountCode {
        id: ports.stamps.new_id(),
        code: code.into(),
        discount,
        max_uses: new.max_uses,
        used_count: 0,
        expires_at,
        product_slug: product_id.as_ref().and(product_slug),
        product_id,
        policy_slugs: policy_ids.as_ref().map(|_| in_order(slugs)),
        policy_ids,
        active: true,
        featured: new.featured.unwrap_or_default(),
        cycles: new.cycles.unwrap_or(1),
        description,
        referrer_label: new.referrer_label,
        created_at: actor.at,
        updated_at: actor.at,
    };
    let audit_id = ports.stamps.new_id();
    let caps = ports.caps().await?;
    let cap = caps.of(CappedResource::ActiveCodes);
    let created = discount_codes::create(&ports.database, &actor, &code, audit_id, cap).await;
    let created = created.map_err(|error| {
        if error.is_unique_violation("discount_codes.code") {
            ApiError::conflict("a code with this text already exists")
        } else {
            error.into()
        }
    })?;
    match created {
        Creation::AtCap { usage } => Err(caps.reached(CappedResource::ActiveCodes, Some(usage))),
        Creation::Created | Creation::Refused => Ok(Json(code.into())),
    }
}

fn currency(word: &str) -> Result<Currency, ApiError> {
    Currency::parse(word)
        .ok_or_else(|| ApiError::bad_request("discount_currency must be SAT, USD or EUR"))
}

fn discount(
    kind: DiscountKind,
    amount: Option<i64>,
    currency: Currency,
) -> Result<Discount, ApiError> {
    let amount = match (kind, amount) {
        (_, Some(amount)) => amount,
        (DiscountKind::FreeLicense, None) => 0,
        (_, None) => {
            return Err(ApiError::bad_request(
                "amount must be in basis points for percent, and in the currency's smallest unit for fixed_sats and set_price",
            ));
        }
    };
    Discount::new(kind, amount, currency)
        .map_err(|error| ApiError::bad_request(format!("amount {error}")))
}

/// The policies named one way or the other.
fn slugs(one: Option<String>, several: Option<Vec<String>>) -> Result<Vec<String>, ApiError> {
    match (one, several) {
        (Some(_), Some(_)) => Err(ApiError::bad_request(
            "send policy_slug or policy_slugs, not both",
        )),
        (Some(slug), None) => Ok(vec![slug]),
        (None, several) => Ok(several.unwrap_or_default()),
    }
}

/// Names as the database shows them: each once, in alphabetical order.
fn in_order(mut slugs: Vec<String>) -> Vec<String> {
    slugs.sort();
    slugs.dedup();
    slugs
}

async fn product(ports: &Ports, slug: &str) -> Result<Product, ApiError> {
    let product = products::find(&ports.database, slug).await?;
    product.ok_or_else(|| ApiError::not_found("there is no product with this product_slug"))
}
