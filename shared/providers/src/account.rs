//! Where an order is paid, of any kind of provider: one set of calls for all of them.

use crate::answer::ReadError;
use crate::invoice::{Invoice, NewInvoice};
use crate::{btcpay, zaprite};
use bytes::Bytes;
use http::{Request, Response};
use keywright_domain::rail::{ProviderKind, Rail};

/// Orders of Zaprite that a tick looks up, shared by its accounts: each is a request of its
/// own, and a Worker may make 50 for one tick.
const ZAPRITE_ORDERS: usize = 16;

/// A store at a `BTCPay` Server or an organization at Zaprite, with its API key.
#[derive(Clone)]
pub enum Account {
    /// A store.
    Btcpay(btcpay::Store),
    /// An organization.
    Zaprite(zaprite::Account),
}

/// An order to look up.
#[derive(Debug, Clone, Copy)]
pub struct OrderLookup<'a> {
    /// Our invoice id.
    pub order_id: &'a str,
    /// The provider's id, once it is known.
    pub provider_invoice_id: Option<&'a str>,
}

/// A page of invoices that somebody paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidPage {
    /// Those that can be read.
    pub invoices: Vec<Invoice>,
    /// How many the provider listed.
    pub count: usize,
}

impl Account {
    /// The kind of provider.
    #[must_use]
    pub const fn kind(&self) -> ProviderKind {
        match self {
            Self::Btcpay(_) => ProviderKind::Btcpay,
            Self::Zaprite(_) => ProviderKind::Zaprite,
        }
    }

    /// The id of the store or organization, if it is known.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Btcpay(store) => Some(store.id()),
            Self::Zaprite(account) => account.organization(),
        }
    }

    /// Makes an invoice. No provider has an idempotency key: when the answer is lost, look
    /// the order up before a second one is made.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn create_invoice(
        &self,
        new: NewInvoice<'_>,
        rail: Option<Rail>,
    ) -> Result<Request<Bytes>, http::Error> {
        match self {
            Self::Btcpay(store) => store.create_invoice(new, rail),
            Self::Zaprite(account) => account.create_order(new),
        }
    }

    /// Reads an invoice back by the provider's id. `with_sats` asks for its price in sats
    /// too, where the provider converts.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn get_invoice(&self, id: &str, with_sats: bool) -> Result<Request<Bytes>, http::Error> {
        match self {
            Self::Btcpay(store) => store.get_invoice(id, with_sats),
            Self::Zaprite(account) => account.get_order(id),
        }
    }

    /// Reads the answer to making or getting an invoice, at `now` in unix seconds.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_invoice(
        &self,
        answer: &Response<impl AsRef<[u8]>>,
        now: i64,
    ) -> Result<Invoice, ReadError> {
        match self {
            Self::Btcpay(_) => btcpay::read_invoice(answer),
            Self::Zaprite(_) => zaprite::read_order(answer, now),
        }
    }

    /// The requests that look these orders up: one for all of them, or one for each. By the
    /// provider's id where it is known, else by ours.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn find_orders(
        &self,
        orders: &[OrderLookup<'_>],
        with_sats: bool,
    ) -> Result<Vec<Request<Bytes>>, http::Error> {
        match self {
            Self::Btcpay(store) => {
                let ids = orders.iter().map(|order| order.order_id);
                Ok(vec![store.find_by_orders(ids, with_sats)?])
            }
            Self::Zaprite(account) => orders
                .iter()
                .map(|order| account.get_order(order.provider_invoice_id.unwrap_or(order.order_id)))
                .collect(),
        }
    }

    /// Reads the answer to one of [`Self::find_orders`]; nothing for an order that the
    /// provider does not have.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_found(
        &self,
        answer: &Response<impl AsRef<[u8]>>,
        now: i64,
    ) -> Result<Vec<Invoice>, ReadError> {
        match self {
            Self::Btcpay(_) => btcpay::read_invoices(answer),
            Self::Zaprite(_) => match zaprite::read_order(answer, now) {
                Ok(order) => Ok(vec![order]),
                Err(ReadError::NotFound) => Ok(Vec::new()),
                Err(error) => Err(error),
            },
        }
    }

    /// How many orders are looked up in one turn, where a page holds `page_size` invoices and
    /// so many `accounts` have a turn. One answer of `BTCPay` has room for two invoices of
    /// each order, in case another program uses an order id of ours.
    #[must_use]
    pub fn orders_at_once(&self, page_size: i64, accounts: usize) -> usize {
        match self {
            Self::Btcpay(_) => usize::try_from(page_size / 2).unwrap_or(1).max(1),
            Self::Zaprite(_) => ZAPRITE_ORDERS / accounts.max(1),
        }
    }

    /// Lists `take` invoices made since `since`, in unix seconds, that somebody paid, the
    /// newest first, behind the first `skip`.
    ///
    /// # Errors
    /// [`http::Error`] when a value does not fit into a request.
    pub fn list_paid(
        &self,
        since: i64,
        skip: i64,
        take: i64,
    ) -> Result<Request<Bytes>, http::Error> {
        match self {
            Self::Btcpay(store) => store.list_paid(since, skip, take),
            // Zaprite counts pages. A page that overlaps the one before misses nothing.
            Self::Zaprite(account) => account.list_orders(skip / take.max(1) + 1, take),
        }
    }

    /// Reads the answer to [`Self::list_paid`].
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read_paid(
        &self,
        answer: &Response<impl AsRef<[u8]>>,
        now: i64,
        since: i64,
    ) -> Result<PaidPage, ReadError> {
        match self {
            Self::Btcpay(_) => btcpay::read_invoices(answer).map(|invoices| PaidPage {
                count: invoices.len(),
                invoices,
            }),
            Self::Zaprite(_) => zaprite::read_orders(answer, now, since).map(|page| PaidPage {
                count: page.count,
                invoices: page.orders,
            }),
        }
    }
}
