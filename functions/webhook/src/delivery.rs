//! What a delivery of `BTCPay` leads to. A delivery only says which invoice to look at:
//! the invoice is read back from `BTCPay` before anything is recorded, so a
//! forged, replayed, reordered or early delivery changes nothing.
//!
//! Statuses are what `BTCPay` acts on: 2xx ends the delivery, 5xx has it sent
//! again, other 4xx drop it.

use crate::Ports;
use crate::account::Account;
use axum::body::Body;
use http::{HeaderMap, StatusCode};
use keywright_domain::invoice::{Effect, Illegal};
use keywright_ports::receipt_keys::ReceiptKeys;
use keywright_ports::{DatabaseError, Level};
use keywright_providers::btcpay::{self, Expected, Invoice, Mismatch, ReadError, Store};
use keywright_store::operator::audit::Actor;
use keywright_store::sales::invoices::{self, Payable};
use keywright_store::sales::payment_observations::{self, Recorded, Seen, StepIds};
use keywright_web::{ApiError, read_body};

/// Takes a delivery of a store.
///
/// # Errors
/// 401 for a wrong signature, 400 for what is no event, 503 when `BTCPay`
/// cannot be asked now.
pub(crate) async fn take(
    ports: &Ports,
    account: &Account,
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
        note(Level::Warn, "passed over a BTCPay event of another store");
        return Ok(StatusCode::OK);
    }
    let keys = ports.receipt_keys.as_ref().map_err(|error| {
        ApiError::unavailable(
            "service_unavailable",
            "payments cannot be recorded yet; send this again",
            error.to_string(),
        )
    })?;
    for _ in 0..TRIES {
        let order_id = delivery.order_id();
        let provider_id = account.provider_id.as_deref();
        let found = invoices::for_btcpay(&ports.database, btcpay_id, order_id, provider_id).await?;
        let Some(invoice) = found else {
            note(
                Level::Warn,
                "passed over a BTCPay event for an invoice that is not of this store",
            );
            return Ok(StatusCode::OK);
        };
        // The order matters: what is read after our row was loaded is at least
        // as new as what the row says.
        let Some(remote) = read_back(ports, account, btcpay_id, invoice.lacks_sats()).await? else {
            note(Level::Warn, "BTCPay knows no such invoice");
            return Ok(StatusCode::OK);
        };
        match record(ports, keys, &account.store, request_id, &invoice, &remote).await {
            Ok(Recorded::Done(_)) => return Ok(StatusCode::OK),
            Ok(Recorded::Overtaken) => {}
            Err(NotRecorded::Database(error)) => return Err(error.into()),
            Err(contradiction) => {
                note(Level::Warn, &format!("nothing recorded: {contradiction}"));
                return Ok(StatusCode::OK);
            }
        }
    }
    Err(again_later("overtaken by other deliveries".to_owned()))
}

/// How often a delivery is read again that others overtake; a few of one
/// invoice arrive at once, and each that is overtaken means that one was
/// recorded.
const TRIES: usize = 5;

fn again_later(failure: String) -> ApiError {
    ApiError::unavailable(
        "service_unavailable",
        "the invoice could not be read back from BTCPay; send this again",
        failure,
    )
}

/// The invoice as `BTCPay` shows it now; `None` when there is none. With what
/// its price is in sats, where the server says that here; where not, the
/// reconciler learns it.
async fn read_back(
    ports: &Ports,
    account: &Account,
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

/// Why nothing is recorded.
#[derive(Debug, thiserror::Error)]
enum NotRecorded {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    Illegal(#[from] Illegal),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

async fn record(
    ports: &Ports,
    keys: &ReceiptKeys,
    store: &Store,
    request_id: &str,
    invoice: &Payable,
    remote: &Invoice,
) -> Result<Recorded, NotRecorded> {
    let expected = Expected {
        store_id: store.id(),
        order_id: &invoice.id,
        price: invoice.price,
    };
    let sighting = remote.sighting(expected)?;
    let now = ports.stamps.now();
    let seen = Seen {
        provider_invoice_id: &remote.id,
        checkout_url: &remote.checkout_link,
        sighting,
        sats: remote.sats,
        paid: remote.paid(),
        watch_until: remote.monitoring_expiration,
        next_check_at: invoice.next_check(sighting, remote.monitoring_expiration, now)?,
    };
    if !invoice.is_news(&seen) {
        return Ok(Recorded::Done(Effect::None));
    }
    let actor = Actor {
        name: "btcpay".into(),
        at: now,
        request_id: request_id.to_owned(),
    };
    let ids = StepIds::new(&ports.stamps);
    let prepared = payment_observations::prepare(&actor, invoice, &seen, &ids, keys)?;
    Ok(prepared.record(&ports.database).await?)
}
