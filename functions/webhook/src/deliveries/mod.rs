//! A delivery of a payment provider. It only says which invoice to look at: the invoice is
//! read back from the provider before anything is recorded, so a forged, replayed, reordered
//! or early delivery changes nothing.
//!
//! `BTCPay` acts on the status: 2xx ends the delivery, 5xx makes it send the delivery
//! again, any other 4xx drops it.

pub(crate) mod configured;
pub(crate) mod connected;
mod record;
mod webhook_store;
pub(crate) mod zaprite;

use crate::Ports;
use axum::body::Body;
use http::{HeaderMap, StatusCode};
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_providers::btcpay;
use keywright_web::{ApiError, read_body};
use record::{Delivered, Unrecorded};

pub(crate) use webhook_store::WebhookStore;

/// Takes a delivery of a store.
///
/// # Errors
/// 401 for a wrong signature, 400 for what is no event, 503 when `BTCPay`
/// cannot be asked now.
pub(crate) async fn take(
    ports: &Ports,
    store: &WebhookStore,
    request_id: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let body = read_body(body).await?;
    let signature = headers
        .get("btcpay-sig")
        .and_then(|value| value.to_str().ok());
    store
        .secret
        .check(signature, &body)
        .map_err(|error| ApiError::unauthorized(error.to_string()))?;
    let delivery = btcpay::read_delivery(&body)
        .map_err(|error| ApiError::bad_request(format!("not a BTCPay event: {error}")))?;
    let Some(invoice_id) = delivery.concerns() else {
        return Ok(StatusCode::OK);
    };
    let delivered = Delivered {
        account: &store.account,
        provider_id: store.provider_id.as_deref(),
        invoice_id,
        order_id: delivery.order_id(),
        request_id,
    };
    if store.account.id() != Some(&delivery.store_id) {
        delivered.note(ports, "ignored, it is of another store");
        return Ok(StatusCode::OK);
    }
    let keys = receipt_keys(ports)?;
    if let Some(order) = delivered.order(ports).await? {
        let recorded = delivered.record(ports, keys, order).await;
        recorded.map_err(Unrecorded::send_again)?;
    }
    Ok(StatusCode::OK)
}

/// What seals receipts.
///
/// # Errors
/// 503 without it: no payment could be recorded.
fn receipt_keys(ports: &Ports) -> Result<&ReceiptKeys, ApiError> {
    ports.receipt_keys.as_ref().map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            "payments cannot be recorded yet; send this again",
            error.to_string(),
        )
    })
}
