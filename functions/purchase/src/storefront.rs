//! `GET /v1/storefront`: who sells here, for the storefront's pages.

use crate::orders::pay_by::USDC;
use crate::{Ports, seller};
use axum::extract::State;
use keywright_domain::pasted::PastedLower;
use keywright_domain::slug::Slug;
use keywright_web::openapi::{BadQuery, Failures};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Whose storefront.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StorefrontQuery {
    /// Slug of a product, for the business that sells it; without it the default business.
    #[param(value_type = Option<String>)]
    product: Option<PastedLower>,
}

/// Who sells. What the vendor does not say is absent.
#[derive(Serialize, ToSchema)]
pub(crate) struct Storefront {
    /// The shop's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Example Software")]
    name: Option<String>,
    /// The name that stands in its contracts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    legal_name: Option<String>,
    /// Where to get help: http or https.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    support_url: Option<String>,
    /// An e-mail address for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    support_email: Option<String>,
    /// `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^#[0-9a-fA-F]{6}$")]
    brand_color: Option<String>,
    /// What a purchase may name as its `rail`; empty where only what is free
    /// can be had.
    #[schema(example = json!(["lightning", "onchain"]))]
    rails: Vec<&'static str>,
    /// True where `POST /v1/recover/mail` sends mail.
    recovers_by_mail: bool,
}

/// Shows who sells here
#[utoipa::path(
    get,
    path = "/v1/storefront",
    operation_id = "getStorefront",
    tag = "catalogue",
    params(StorefrontQuery),
    responses((status = 200, body = Storefront), BadQuery, Failures)
)]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    StrictQuery(query): StrictQuery<StorefrontQuery>,
) -> Result<Json<Storefront>, ApiError> {
    let slug = query
        .product
        .and_then(PastedLower::present)
        .filter(|slug| Slug::parse(slug).is_ok());
    let seller = seller::of(&ports, &slug.unwrap_or_default()).await?;
    let operator = || ports.operator.as_deref().map(str::to_owned);
    let mut rails = ports.rails(&seller);
    if ports.usdc_of(&seller).is_ok() {
        rails.push(USDC);
    }
    Ok(Json(Storefront {
        rails,
        recovers_by_mail: seller.recovers_by_mail,
        name: Some(seller.name)
            .filter(|name| !name.is_empty())
            .or_else(operator),
        legal_name: seller.legal_name,
        support_url: seller.support_url,
        support_email: seller.support_email,
        brand_color: seller.brand_color,
    }))
}
