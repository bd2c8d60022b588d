//! The stores whose turn it is: each with its API key, what it lists as paid, and the
//! orders that are paid there.

use crate::Ports;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use keywright_domain::invoice::{InvoiceOutcome, PaymentState};
use keywright_ports::{DatabaseError, FetchError};
use keywright_providers::account::{Account, OrderLookup, PaidPage};
use keywright_providers::invoice::Invoice;
use keywright_store::sales::payable::Payable;
use keywright_store::sales::payment_providers::{self, Provider};
use keywright_store::sales::store_turns::{StoreTurn, StoreTurnOutcome};
use std::collections::BTreeSet;

/// How far back paid invoices are listed, in seconds since they were made: a quarter of an
/// hour to pay, a day in which `BTCPay` watches for late payments by default, and two
/// days more; at Zaprite a day to pay and two more.
const LISTED_SECONDS: i64 = 3 * 86_400;

/// Longest id of an order of ours, in bytes.
const MAX_ORDER_ID_BYTES: usize = 36;

/// A store in its turn.
pub(super) struct OpenedStore {
    pub(super) turn: StoreTurn,
    /// The store or organization, or why it cannot be asked.
    pub(super) account: Result<Account, String>,
}

/// What a store lists as paid.
pub(super) struct PaidInvoices {
    pub(super) invoices: Vec<Invoice>,
    pub(super) outcome: StoreTurnOutcome,
}

/// What a store answered about orders.
pub(super) struct FoundInvoices {
    pub(super) invoices: Vec<Invoice>,
    /// The orders of which it is not known whether they have one.
    pub(super) unanswered: BTreeSet<String>,
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
        account: match turn.provider_id() {
            None => (ports.payment_providers.configured_store().cloned())
                .map(Account::Btcpay)
                .map_err(str::to_owned),
            Some(id) => account(ports, &connected, id),
        },
        turn,
    };
    Ok(turns.into_iter().map(open).collect())
}

fn account(ports: &Ports, connected: &[Provider], id: &str) -> Result<Account, String> {
    let provider = connected
        .iter()
        .find(|provider| provider.id == id)
        .ok_or_else(|| format!("payment provider {id} is not connected any more"))?;
    let opened = ports.payment_providers.open(provider);
    Ok(opened.map_err(|error| error.to_string())?.account)
}

impl OpenedStore {
    /// True for an order that is paid at this store.
    pub(super) fn has(&self, order: &Payable) -> bool {
        order.payment_provider_id.as_deref() == self.turn.provider_id()
    }

    /// How many orders are looked up in this turn, of so many stores that have one.
    pub(super) fn room(&self, stores: usize) -> usize {
        let page_size = self.turn.page_size;
        (self.account.as_ref()).map_or(0, |account| account.orders_at_once(page_size, stores))
    }

    /// The newest paid invoices and one page of older ones, if it is time to list them.
    pub(super) async fn paid(&self, ports: &Ports, now: i64) -> Result<PaidInvoices, StoreFailure> {
        if !self.turn.lists {
            return Ok(PaidInvoices {
                invoices: Vec::new(),
                outcome: StoreTurnOutcome::NotListed,
            });
        }
        let PaidPage {
            mut invoices,
            count: newest,
        } = self.page(ports, now, 0).await?;
        let older = if self.turn.skip > 0 {
            let page = self.page(ports, now, self.turn.skip).await?;
            invoices.extend(page.invoices);
            Some(page.count)
        } else {
            None
        };
        let outcome = StoreTurnOutcome::Answered { newest, older };
        Ok(PaidInvoices { invoices, outcome })
    }

    async fn page(&self, ports: &Ports, now: i64, skip: i64) -> Result<PaidPage, StoreFailure> {
        let account = self.account.as_ref().map_err(failed)?;
        let since = now - LISTED_SECONDS;
        let request = account.list_paid(since, skip, self.turn.page_size);
        let answer = send(ports, request.map_err(|error| failed(&error))?).await?;
        let page = account.read_paid(&answer, now, since);
        page.map_err(|error| failed(&error))
    }

    /// The invoices of these orders, with their prices in sats if that is unknown for one
    /// of them. All requests are sent at the same time, and each may fail by itself.
    pub(super) async fn invoices_of(
        &self,
        ports: &Ports,
        orders: &[Payable],
        now: i64,
    ) -> Result<FoundInvoices, StoreFailure> {
        let account = self.account.as_ref().map_err(failed)?;
        let with_sats = orders.iter().any(Payable::lacks_sats);
        let lookups: Vec<OrderLookup<'_>> = orders
            .iter()
            .map(|order| OrderLookup {
                order_id: &order.id,
                provider_invoice_id: order.provider_invoice_id.as_deref(),
            })
            .collect();
        let requests = account.find_orders(&lookups, with_sats);
        let requests = requests.map_err(|error| failed(&error))?.into_iter();
        let answers = join_all(requests.map(|request| send(ports, request))).await;
        let mut found = FoundInvoices {
            invoices: Vec::new(),
            unanswered: BTreeSet::new(),
        };
        let mut failure = None;
        let (lookups, requests) = (orders.len(), answers.len());
        for (number, answer) in answers.into_iter().enumerate() {
            let read = answer.and_then(|answer| {
                let read = account.read_found(&answer, now);
                read.map_err(|error| failed(&error))
            });
            match read {
                Ok(invoices) => found.invoices.extend(invoices),
                Err(error) => {
                    let asked_for = orders.iter().skip(number);
                    let asked_for = asked_for.take(lookups / requests.max(1));
                    found
                        .unanswered
                        .extend(asked_for.map(|order| order.id.clone()));
                    failure = Some(error);
                }
            }
        }
        match failure {
            Some(failure) if found.unanswered.len() == lookups => Err(failure),
            _ => Ok(found),
        }
    }
}

fn failed(reason: &impl ToString) -> StoreFailure {
    StoreFailure::Failed(reason.to_string())
}

async fn send(ports: &Ports, request: Request<Bytes>) -> Result<Response<Bytes>, StoreFailure> {
    let answer = ports.outbound.send(request).await;
    answer.map_err(|error| match error {
        FetchError::TooLarge(_) => StoreFailure::TooLarge(error.to_string()),
        _ => failed(&error),
    })
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
            one.state.outcome == InvoiceOutcome::Settled
                || order.payment_state == PaymentState::Unpaid
        })
}
