//! The stores whose turn it is: each with its API key, what it lists as paid, and the
//! orders that are paid there.

use crate::Ports;
use keywright_domain::invoice::PaymentState;
use keywright_ports::{DatabaseError, FetchError};
use keywright_providers::btcpay::{self, Invoice, InvoiceStatus, Store};
use keywright_store::sales::payable::Payable;
use keywright_store::sales::payment_providers::{self, Provider};
use keywright_store::sales::store_turns::{StoreTurn, StoreTurnOutcome};

/// How far back paid invoices are listed, in seconds since they were made: a quarter of an
/// hour to pay, a day in which `BTCPay` watches for late payments by default, and two
/// days more.
const LISTED_SECONDS: i64 = 3 * 86_400;

/// Longest id of an order of ours, in bytes.
const MAX_ORDER_ID_BYTES: usize = 36;

/// A store in its turn.
pub(super) struct OpenedStore {
    pub(super) turn: StoreTurn,
    /// The store, or why it cannot be asked.
    pub(super) store: Result<Store, String>,
}

/// What a store lists as paid.
pub(super) struct PaidInvoices {
    pub(super) invoices: Vec<Invoice>,
    pub(super) outcome: StoreTurnOutcome,
}

/// Why a store gave no answer.
pub(super) enum StoreFailure {
    /// The answer was too large to be read.
    TooLarge(String),
    /// Anything else.
    Failed(String),
}

impl StoreFailure {
    /// The line for the log, and what it means for the store's next turn.
    pub(super) fn into_parts(self) -> (String, StoreTurnOutcome) {
        match self {
            Self::TooLarge(reason) => (reason, StoreTurnOutcome::TooLarge),
            Self::Failed(reason) => (reason, StoreTurnOutcome::Failed),
        }
    }
}

/// Opens the stores of these turns.
pub(super) async fn open(
    ports: &Ports,
    turns: Vec<StoreTurn>,
) -> Result<Vec<OpenedStore>, DatabaseError> {
    let ids: Vec<&str> = turns.iter().filter_map(StoreTurn::provider_id).collect();
    let connected = if ids.is_empty() {
        Vec::new()
    } else {
        payment_providers::connected_among(&ports.database, &ids).await?
    };
    let open = |turn: StoreTurn| OpenedStore {
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

impl OpenedStore {
    /// True for an order that is paid at this store.
    pub(super) fn has(&self, order: &Payable) -> bool {
        order.payment_provider_id.as_deref() == self.turn.provider_id()
    }

    /// How many orders one answer has room for: two invoices for each, in case another
    /// program uses an order id of ours.
    pub(super) fn room(&self) -> usize {
        usize::try_from(self.turn.page_size / 2).unwrap_or(1).max(1)
    }

    /// The newest paid invoices and one page of older ones, if it is time to list them.
    pub(super) async fn paid(&self, ports: &Ports, now: i64) -> Result<PaidInvoices, StoreFailure> {
        if !self.turn.lists {
            return Ok(PaidInvoices {
                invoices: Vec::new(),
                outcome: StoreTurnOutcome::NotListed,
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
        let outcome = StoreTurnOutcome::Answered { newest, older };
        Ok(PaidInvoices { invoices, outcome })
    }

    async fn page(&self, ports: &Ports, now: i64, skip: i64) -> Result<Vec<Invoice>, StoreFailure> {
        let store = self.store.as_ref().map_err(failed)?;
        let since = now - LISTED_SECONDS;
        let request = store.list_paid(since, skip, self.turn.page_size);
        send(ports, request).await
    }

    /// The invoices of these orders, with their prices in sats if that is unknown for one
    /// of them.
    pub(super) async fn invoices_of(
        &self,
        ports: &Ports,
        orders: &[Payable],
    ) -> Result<Vec<Invoice>, StoreFailure> {
        let store = self.store.as_ref().map_err(failed)?;
        let with_sats = orders.iter().any(Payable::lacks_sats);
        let ids = orders.iter().map(|order| order.id.as_str());
        send(ports, store.find_by_orders(ids, with_sats)).await
    }
}

fn failed(reason: &impl ToString) -> StoreFailure {
    StoreFailure::Failed(reason.to_string())
}

async fn send(
    ports: &Ports,
    request: Result<http::Request<bytes::Bytes>, http::Error>,
) -> Result<Vec<Invoice>, StoreFailure> {
    let answer = ports
        .outbound
        .send(request.map_err(|error| failed(&error))?)
        .await;
    let answer = answer.map_err(|error| match error {
        FetchError::TooLarge(_) => StoreFailure::TooLarge(error.to_string()),
        _ => failed(&error),
    })?;
    btcpay::read_invoices(&answer).map_err(|error| failed(&error))
}

/// The order ids of these invoices that may be ours.
pub(super) fn order_ids(invoices: &[Invoice]) -> impl Iterator<Item = &str> {
    let ids = invoices.iter().filter_map(|one| one.order_id.as_deref());
    // Other programs of the vendor use order ids of their own.
    ids.filter(|id| id.len() <= MAX_ORDER_ID_BYTES)
}

/// True if a listed invoice may change its order.
pub(super) fn may_be_news(invoices: &[Invoice], order: &Payable) -> bool {
    invoices
        .iter()
        .filter(|one| one.order_id.as_deref() == Some(order.id.as_str()))
        .any(|one| {
            one.status == InvoiceStatus::Settled || order.payment_state == PaymentState::Unpaid
        })
}
