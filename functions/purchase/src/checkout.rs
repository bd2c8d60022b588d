//! The invoice at `BTCPay`. Its API has no idempotency key, so an answer that
//! was lost is looked for by the order's id before a second invoice is made.

use keywright_domain::money::Sats;
use keywright_ports::Outbound;
use keywright_providers::btcpay::{self, Expected, Invoice, NewInvoice, ReadError, Store};
use std::time::Duration;

/// How long a buyer waits for the price in sats. They can pay without it, and
/// the SDKs give up on an order after 10 seconds.
const WORTH_WAITING: Duration = Duration::from_secs(3);

/// Why there is no invoice to pay.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMade {
    /// `BTCPay` refused it: there is none.
    #[error("{0}")]
    Refused(ReadError),
    /// There may be one that nobody knows of. The reconciler looks for it.
    #[error("{0}")]
    Unknown(String),
}

/// Makes the invoice of an order, or finds the one that was made before.
///
/// # Errors
/// [`NotMade`].
pub(crate) async fn invoice(
    (store, outbound): (&Store, &Outbound),
    new: NewInvoice<'_>,
) -> Result<Invoice, NotMade> {
    match create(store, outbound, new).await {
        Err(NotMade::Unknown(_)) => {}
        decided => return decided,
    }
    match find(store, outbound, new).await? {
        Some(made) => Ok(made),
        None => create(store, outbound, new).await,
    }
}

async fn create(
    store: &Store,
    outbound: &Outbound,
    new: NewInvoice<'_>,
) -> Result<Invoice, NotMade> {
    let request = store.create_invoice(new).map_err(unknown)?;
    let answer = outbound.send(request).await.map_err(unknown)?;
    match btcpay::read_invoice(&answer) {
        Ok(made) => Ok(made),
        Err(error @ (ReadError::Refused { .. } | ReadError::NotFound)) => {
            Err(NotMade::Refused(error))
        }
        Err(error) => Err(unknown(error)),
    }
}

async fn find(
    store: &Store,
    outbound: &Outbound,
    new: NewInvoice<'_>,
) -> Result<Option<Invoice>, NotMade> {
    let request = store
        .find_by_orders([new.order_id], false)
        .map_err(unknown)?;
    let answer = outbound.send(request).await.map_err(unknown)?;
    let found = btcpay::read_invoices(&answer).map_err(unknown)?;
    let expected = Expected {
        store_id: store.id(),
        order_id: new.order_id,
        price: new.price,
    };
    Ok(found
        .into_iter()
        .find(|one| one.observation(expected).is_ok()))
}

/// What `BTCPay` made of a price in sats: one request more, only for a price
/// that is not in sats.
///
/// # Errors
/// Why it is not known now. The order stands: whoever reads the invoice next
/// learns it.
pub(crate) async fn sats(
    (store, outbound): (&Store, &Outbound),
    invoice_id: &str,
) -> Result<Sats, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let request = store
        .payment_methods(invoice_id)
        .map_err(|error| text(&error))?;
    let answer = outbound.send_within(request, WORTH_WAITING).await;
    let answer = answer.map_err(|error| text(&error))?;
    btcpay::read_sats(&answer)
        .map_err(|error| text(&error))?
        .ok_or_else(|| "BTCPay does not say what the price is in bitcoin".to_owned())
}

fn unknown(error: impl std::fmt::Display) -> NotMade {
    NotMade::Unknown(error.to_string())
}
