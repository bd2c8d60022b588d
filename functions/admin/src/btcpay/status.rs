//! `GET /v1/admin/btcpay/status`: where a business is paid.

use super::BtcPay;
use super::{BusinessQuery, business};
use axum::extract::State;
use keywright_domain::dates::rfc3339;
use keywright_ports::Database;
use keywright_web::openapi::{AccessRefusals, BadQuery, Failures, Unknown};
use keywright_web::{ApiError, Json, StrictQuery};
use serde::Serialize;
use utoipa::ToSchema;

/// Where a business is paid.
#[derive(Serialize, ToSchema)]
#[schema(as = BtcpayStatus)]
pub(crate) struct BtcPayStatus {
    /// Whether it is paid at a store at all.
    connected: bool,
    /// `connected` by an operator, or of the `configuration`; null for none.
    source: Option<&'static str>,
    /// UUID of the business.
    merchant_profile_id: String,
    /// UUID of the connected provider.
    payment_provider_id: Option<String>,
    /// Where the store is.
    base_url: Option<String>,
    /// Its id there.
    store_id: Option<String>,
    /// Id of its webhook there.
    webhook_id: Option<String>,
    /// RFC 3339.
    connected_at: Option<String>,
    /// Why it cannot be used, and what to do; null when it can.
    problem: Option<String>,
}

/// Shows where a business is paid. Asks nobody outside.
#[utoipa::path(
    get,
    path = "/v1/admin/btcpay/status",
    operation_id = "getBtcpayStatus",
    tag = "payment providers",
    params(BusinessQuery),
    responses(
        (status = 200, description = "Where it is paid.", body = BtcPayStatus),
        BadQuery, AccessRefusals, Unknown, Failures
    ),
)]
pub(crate) async fn handler(
    State(database): State<Database>,
    State(btcpay): State<BtcPay>,
    StrictQuery(query): StrictQuery<BusinessQuery>,
) -> Result<Json<BtcPayStatus>, ApiError> {
    let business = business(&database, query.merchant_profile_id.as_deref()).await?;
    let none = BtcPayStatus {
        connected: false,
        source: None,
        merchant_profile_id: business.profile_id,
        payment_provider_id: None,
        base_url: None,
        store_id: None,
        webhook_id: None,
        connected_at: None,
        problem: None,
    };
    Ok(Json(
        match (
            business.provider,
            btcpay.payment_providers.configured_store(),
        ) {
            (Some(provider), _) => BtcPayStatus {
                connected: true,
                source: Some("connected"),
                problem: (btcpay.payment_providers.open(&provider))
                    .err()
                    .map(|error| error.to_string()),
                payment_provider_id: Some(provider.id),
                base_url: Some(provider.base_url),
                store_id: Some(provider.store_id),
                webhook_id: provider.webhook_id,
                connected_at: Some(rfc3339(provider.connected_at)),
                ..none
            },
            (None, Ok(store)) if business.is_default => BtcPayStatus {
                connected: true,
                source: Some("configuration"),
                base_url: btcpay.payment_providers.server_url().map(str::to_owned),
                store_id: Some(store.id().to_owned()),
                ..none
            },
            (None, Err(problem)) if business.is_default => BtcPayStatus {
                problem: Some(problem.to_owned()),
                ..none
            },
            (None, _) => none,
        },
    ))
}
