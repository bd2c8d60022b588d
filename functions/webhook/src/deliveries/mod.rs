//! A delivery of `BTCPay`. It only says which invoice to look at: the invoice is read back
//! from `BTCPay` before anything is recorded, so a forged, replayed, reordered or early
//! delivery changes nothing.
//!
//! `BTCPay` acts on the status: 2xx ends the delivery, 5xx makes it send the delivery
//! again, any other 4xx drops it.

pub(crate) mod configured;
pub(crate) mod connected;
mod webhook_store;

use crate::Ports;
use axum::body::Body;
use http::{HeaderMap, StatusCode};
use keywright_ports::Level;
use keywright_providers::btcpay::{self, Invoice, ReadError};
use keywright_services::payment_observation;
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices;
use keywright_store::sales::payment_observations::Recorded;
use keywright_web::{ApiError, read_body};

pub(crate) use webhook_store::WebhookStore;

/// Takes a delivery of a store.
///
/// # Errors
/// 401 for a wrong signature, 400 for what is no event, 503 when `BTCPay`
/// cannot be asked now.
pub(crate) async fn take(
    ports: &Ports,
    account: &WebhookStore,
    request_id: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let body = read_body(body).await?;
    let signature = headers
        .get("btcpay-sig")
        .and_then(|value| value.to_str().ok());
    account
        .secret
        .check(signature, &body)
        .map_err(|error| ApiError::unauthorized(error.to_string()))?;
    let delivery = btcpay::read_delivery(&body)
        .map_err(|error| ApiError::bad_request(format!("not a BTCPay event: {error}")))?;
    let note = |level, text: &str| ports.log.write(level, request_id, text);
    let Some(btcpay_id) = delivery.concerns() else {
        return Ok(StatusCode::OK);
    };
    if delivery.store_id != account.store.id() {
        note(Level::Warn, "ignored a BTCPay event of another store");
        return Ok(StatusCode::OK);
    }
    let keys = ports.receipt_keys.as_ref().map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            "payments cannot be recorded yet; send this again",
            error.to_string(),
        )
    })?;
    for _ in 0..MAX_READS {
        let order_id = delivery.order_id();
        let provider_id = account.provider_id.as_deref();
        let found = invoices::for_btcpay(&ports.database, btcpay_id, order_id, provider_id).await?;
        let Some(order) = found else {
            note(
                Level::Warn,
                "ignored a BTCPay event for an invoice that is not of this store",
            );
            return Ok(StatusCode::OK);
        };
        // The order matters: what is read after our row was loaded is at least
        // as new as what the row says.
        let Some(remote) = read_back(ports, account, btcpay_id, order.lacks_sats()).await? else {
            note(Level::Warn, "BTCPay knows no such invoice");
            return Ok(StatusCode::OK);
        };
        let actor = Actor {
            name: "btcpay".into(),
            at: ports.stamps.now(),
            request_id: request_id.to_owned(),
        };
        let store = &account.store;
        let prepared =
            payment_observation::prepare(&actor, &order, store, &remote, &ports.stamps, keys);
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(rejected) => {
                note(Level::Warn, &format!("nothing recorded: {rejected}"));
                return Ok(StatusCode::OK);
            }
        };
        match prepared.record(&ports.database).await? {
            Recorded::Done(_) => return Ok(StatusCode::OK),
            Recorded::Overtaken => {}
        }
    }
    Err(again_later("overtaken by other deliveries".to_owned()))
}

/// How often an invoice is read for one delivery. A few deliveries of one invoice arrive
/// at once, and each one that is overtaken means that another was recorded.
const MAX_READS: usize = 5;

fn again_later(failure: String) -> ApiError {
    ApiError::unavailable(
        "service_unavailable",
        "the invoice could not be read back from BTCPay; send this again",
        failure,
    )
}

/// The invoice as `BTCPay` shows it now; `None` when there is none. Includes the price in
/// sats where the server reports it here; where it does not, the reconciler reads it.
async fn read_back(
    ports: &Ports,
    account: &WebhookStore,
    id: &str,
    with_sats: bool,
) -> Result<Option<Invoice>, ApiError> {
    let request = account
        .store
        .get_invoice(id, with_sats)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let answer = ports
        .outbound
        .send(request)
        .await
        .map_err(|error| again_later(error.to_string()))?;
    match btcpay::read_invoice(&answer) {
        Ok(remote) => Ok(Some(remote)),
        Err(ReadError::NotFound) => Ok(None),
        Err(error) => Err(again_later(error.to_string())),
    }
}
