//! The stores whose turn it is: each with the key to it, what it was asked, and the
//! orders that are paid there.

use crate::Ports;
use keywright_ports::{DatabaseError, FetchError};
use keywright_providers::btcpay::{self, Invoice, InvoiceStatus, Store};
use keywright_store::sales::invoices::Payable;
use keywright_store::sales::payment_providers::{self, Provider};
use keywright_store::sales::store_turns::{Outcome, StoreTurn};

/// How far back paid invoices are listed, in seconds of when they were made: a quarter
/// of an hour to pay and a day in which `BTCPay` watches for late payments, as it does
/// by default, and two days more.
const LISTED_SECONDS: i64 = 3 * 86_400;

/// A store and its turn.
pub(crate) struct Turn {
    pub(crate) turn: StoreTurn,
    /// The store, or why it cannot be asked.
    pub(crate) store: Result<Store, String>,
}

/// What a store says of its paid invoices.
pub(crate) struct PaidList {
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) outcome: Outcome,
}

/// Why there is no answer.
pub(crate) enum NoAnswer {
    /// It was too large to be read.
    TooLarge(String),
    /// Anything else.
    Failed(String),
}

impl NoAnswer {
    /// The line for the log, and what it means for the store's next turn.
    pub(crate) fn into_parts(self) -> (String, Outcome) {
        match self {
            Self::TooLarge(reason) => (reason, Outcome::TooLarge),
            Self::Failed(reason) => (reason, Outcome::Failed),
        }
    }
}

/// Opens the stores of these turns.
///
/// # Errors
/// [`DatabaseError`].
pub(crate) async fn opened(
    ports: &Ports,
    turns: Vec<StoreTurn>,
) -> Result<Vec<Turn>, DatabaseError> {
    let ids: Vec<&str> = turns.iter().filter_map(StoreTurn::provider_id).collect();
    let connected = if ids.is_empty() {
        Vec::new()
    } else {
        payment_providers::connected_among(&ports.database, &ids).await?
    };
    let open = |turn: StoreTurn| Turn {
        store: match turn.provider_id() {
            None => (ports.payment_providers.configured_store().cloned()).map_err(str::to_owned),
            Some(id) => store(ports, &connected, id),
        },
        turn,
    };
    Ok(turns.into_iter().map(open).collect())
}

fn store(ports: &Ports, connected: &[Provider], id: &str) -> Result<Store, String> {
    let provider = connected
        .iter()
        .find(|provider| provider.id == id)
        .ok_or_else(|| format!("payment provider {id} is not connected any more"))?;
    let opened = ports.payment_providers.open(provider);
    Ok(opened.map_err(|error| error.to_string())?.store)
}

impl Turn {
    /// Whether an order is paid at this store.
    pub(crate) fn has(&self, order: &Payable) -> bool {
        order.payment_provider_id.as_deref() == self.turn.provider_id()
    }

    /// How many orders one answer has room for: two invoices for each, in case another
    /// program used an order id of ours.
    pub(crate) fn room(&self) -> usize {
        usize::try_from(self.turn.page_size / 2).unwrap_or(1).max(1)
    }

    /// The newest invoices that were paid, and one page of the older ones, if it is time
    /// to list them.
    pub(crate) async fn paid(&self, ports: &Ports, now: i64) -> Result<PaidList, NoAnswer> {
        if !self.turn.lists {
            return Ok(PaidList {
                invoices: Vec::new(),
                outcome: Outcome::NotListed,
            });
        }
        let mut invoices = self.page(ports, now, 0).await?;
        let newest = invoices.len();
        let older = if self.turn.skip > 0 {
            let page = self.page(ports, now, self.turn.skip).await?;
            let count = page.len();
            invoices.extend(page);
            Some(count)
        } else {
            None
        };
        let outcome = Outcome::Answered { newest, older };
        Ok(PaidList { invoices, outcome })
    }

    async fn page(&self, ports: &Ports, now: i64, skip: i64) -> Result<Vec<Invoice>, NoAnswer> {
        let store = self.store.as_ref().map_err(failed)?;
        let since = now - LISTED_SECONDS;
        let request = store.list_paid(since, skip, self.turn.page_size);
        send(ports, request).await
    }

    /// The invoices of these orders, with what their prices are in sats where that is
    /// still to be learnt of one of them.
    pub(crate) async fn invoices_of(
        &self,
        ports: &Ports,
        orders: &[Payable],
    ) -> Result<Vec<Invoice>, NoAnswer> {
        let store = self.store.as_ref().map_err(failed)?;
        let with_sats = orders.iter().any(Payable::lacks_sats);
        let ids = orders.iter().map(|order| order.id.as_str());
        send(ports, store.find_by_orders(ids, with_sats)).await
    }
}

fn failed(reason: &impl ToString) -> NoAnswer {
    NoAnswer::Failed(reason.to_string())
}

async fn send(
    ports: &Ports,
    request: Result<http::Request<bytes::Bytes>, http::Error>,
) -> Result<Vec<Invoice>, NoAnswer> {
    let answer = ports
        .outbound
        .send(request.map_err(|error| failed(&error))?)
        .await;
    let answer = answer.map_err(|error| match error {
        FetchError::TooLarge(_) => NoAnswer::TooLarge(error.to_string()),
        _ => failed(&error),
    })?;
    btcpay::read_invoices(&answer).map_err(|error| failed(&error))
}

/// The order ids of invoices that say more than the order's row may know.
pub(crate) fn order_ids(invoices: &[Invoice]) -> impl Iterator<Item = &str> {
    let ids = invoices.iter().filter_map(|one| one.order_id.as_deref());
    // Other programs of the vendor's name orders too, in their own ways.
    ids.filter(|id| id.len() <= MAX_ORDER_ID_BYTES)
}

/// Longest id of an order of ours, in bytes.
const MAX_ORDER_ID_BYTES: usize = 36;

/// Whether a paid invoice may be news for its order.
pub(crate) fn may_be_news(invoices: &[Invoice], order: &Payable) -> bool {
    use keywright_domain::invoice::PaymentState;
    invoices
        .iter()
        .filter(|one| one.order_id.as_deref() == Some(order.id.as_str()))
        .any(|one| {
            one.status == InvoiceStatus::Settled || order.payment_state == PaymentState::Unpaid
        })
}
