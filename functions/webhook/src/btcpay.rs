//! `POST /v1/btcpay/webhook`. A delivery only says which invoice to look at:
//! the invoice is read back from `BTCPay` before anything is recorded, so a
//! forged, replayed, reordered or early delivery changes nothing.
//!
//! Statuses are what `BTCPay` acts on: 2xx ends the delivery, 5xx has it sent
//! again, other 4xx drop it.

use crate::Ports;
use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use keywright_edge::http::openapi::{Error, Failures};
use keywright_edge::http::{ApiError, RequestId, read_body};
use keywright_edge::ports::Level;
use keywright_providers::btcpay::{self, Expected, ReadError};
use keywright_store::audit::Actor;
use keywright_store::settle::NewIds;
use keywright_store::{invoices, settle};

/// Takes an event of `BTCPay` Server.
///
/// 200 with an empty body when it is recorded or of no concern to us; 503 when
/// `BTCPay` cannot be asked now or nothing is configured, and it sends the event
/// again.
#[utoipa::path(post, path = "/v1/btcpay/webhook", tag = "operation",
    params(("BTCPay-Sig" = String, Header, description = "`sha256=` and the HMAC-SHA256 of the body in hex.")),
    request_body(content = Value, content_type = "application/json", description = "An event of BTCPay Server."),
    responses(
        (status = 200, description = "Recorded, or nothing to record."),
        (status = 400, description = "Not an event.", body = Error),
        (status = 401, description = "The signature is missing or wrong.", body = Error),
        (status = 413, description = "The body is larger than 2 MiB.", body = Error),
        Failures,
    ))]
pub(crate) async fn handler(
    State(ports): State<Ports>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let account = ports.btcpay.as_ref().as_ref().map_err(|reason| {
        ApiError::unavailable(
            "btcpay_not_configured",
            "no payment provider is connected",
            reason.as_str(),
        )
    })?;
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
    let note = |level, text: &str| ports.log.write(level, &request_id, text);
    let Some(btcpay_id) = delivery.concerns() else {
        return Ok(StatusCode::OK);
    };
    if delivery.store_id != account.store.id() {
        note(Level::Warn, "passed over a BTCPay event of another store");
        return Ok(StatusCode::OK);
    }
    let found = invoices::for_btcpay(&ports.database, btcpay_id, delivery.order_id()).await?;
    let Some(invoice) = found else {
        note(
            Level::Warn,
            "passed over a BTCPay event for an invoice that is not ours",
        );
        return Ok(StatusCode::OK);
    };
    let ask = account
        .store
        .get_invoice(btcpay_id)
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let again_later = |failure: String| {
        ApiError::unavailable(
            "service_unavailable",
            "the invoice could not be read back from BTCPay; send this again",
            failure,
        )
    };
    let answer = account
        .outbound
        .send(ask)
        .await
        .map_err(|error| again_later(error.to_string()))?;
    let remote = match btcpay::read_invoice(&answer) {
        Ok(remote) => remote,
        Err(error @ ReadError::NotFound) => {
            note(Level::Warn, &error.to_string());
            return Ok(StatusCode::OK);
        }
        Err(error) => return Err(again_later(error.to_string())),
    };
    let expected = Expected {
        store_id: account.store.id(),
        order_id: &invoice.id,
        amount: invoice.amount_sats,
    };
    match remote.outcome(expected) {
        Ok(outcome) => {
            let actor = Actor {
                name: "btcpay".into(),
                at: ports.stamps.now(),
                request_id,
            };
            let ids = NewIds::new(&ports.stamps);
            settle::record(&ports.database, &actor, &invoice, &remote.id, outcome, &ids).await?;
        }
        Err(mismatch) => note(Level::Warn, &format!("nothing recorded: {mismatch}")),
    }
    Ok(StatusCode::OK)
}
