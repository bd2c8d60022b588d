//! `GET /v1/storefront`: who sells here, for the storefront's pages.

use crate::Ports;
use axum::extract::State;
use keywright_edge::http::Json;
use keywright_edge::http::openapi::Failures;
use serde::Serialize;
use utoipa::ToSchema;

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
}

/// Shows who sells here
#[utoipa::path(
    get,
    path = "/v1/storefront",
    tag = "catalogue",
    params((
        "product" = Option<String>, Query,
        description = "Slug of a product, to be told who sells that one. Today one business sells them all.",
    )),
    responses((status = 200, body = Storefront), Failures)
)]
pub(crate) async fn handler(State(ports): State<Ports>) -> Json<Storefront> {
    let mut rails = match &*ports.btcpay {
        Ok(_) => crate::order::RAILS.map(|(rail, _)| rail).into(),
        Err(_) => Vec::new(),
    };
    if ports.usdc.is_ok() {
        rails.push(crate::usdc::RAIL);
    }
    Json(Storefront {
        name: ports.operator.as_deref().map(str::to_owned),
        legal_name: None,
        support_url: None,
        support_email: None,
        brand_color: None,
        rails,
    })
}
