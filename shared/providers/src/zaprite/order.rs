//! Reading Zaprite's orders. Only what decides about a license is read.

use super::account::currency_code;
use super::names::{self, order, transaction};
use crate::answer::{ReadError, read};
use crate::invoice::Invoice;
use http::Response;
use keywright_domain::dates::parse_rfc3339;
use keywright_domain::invoice::{InvoiceOutcome, PaymentObservation, PaymentState};
use keywright_domain::money::{Currency, Price};
use keywright_domain::web_url;
use serde_json::Value;

/// How long an order can be paid whose end Zaprite does not say, in seconds.
const OPEN_SECONDS: i64 = 86_400;
/// How long money is watched for after that end, in seconds.
const WATCH_SECONDS: i64 = 3 * 86_400;

/// Zaprite's status, as far as it decides. A payment counts only when it is settled, and a
/// word that is not known does not settle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// `PAID`, `COMPLETE`.
    Settled,
    /// `OVERPAID`.
    Overpaid,
    /// `PROCESSING`.
    Processing,
    /// `UNDERPAID`.
    Underpaid,
    /// `EXPIRED`, `ABANDONED`.
    Ended,
    /// `INVALID`, `CANCELLED`.
    Refused,
    /// `PENDING`, and every other word.
    Waiting,
}

impl Status {
    fn parse(word: &str) -> Self {
        match word {
            "PAID" | "COMPLETE" => Self::Settled,
            "OVERPAID" => Self::Overpaid,
            "PROCESSING" => Self::Processing,
            "UNDERPAID" => Self::Underpaid,
            "EXPIRED" | "ABANDONED" => Self::Ended,
            "INVALID" | "CANCELLED" => Self::Refused,
            _ => Self::Waiting,
        }
    }

    /// What the status says of a payment of which `received` came in, for an order whose time
    /// to pay is over or not.
    fn observation(self, received: Received, is_over: bool) -> PaymentObservation {
        let waiting = if is_over {
            InvoiceOutcome::Expired
        } else {
            InvoiceOutcome::Waiting
        };
        let (outcome, payment) = match self {
            Self::Settled => (InvoiceOutcome::Settled, PaymentState::Paid),
            Self::Overpaid => (InvoiceOutcome::Settled, PaymentState::Overpaid),
            // On its way, however late it is.
            Self::Processing => (InvoiceOutcome::Waiting, PaymentState::Processing),
            Self::Underpaid => (waiting, PaymentState::Underpaid),
            Self::Ended => (InvoiceOutcome::Expired, received.late()),
            Self::Refused => (InvoiceOutcome::Invalid, received.refused()),
            Self::Waiting => (waiting, received.waiting()),
        };
        PaymentObservation { outcome, payment }
    }
}

/// What came in, by the confirmed transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Received {
    Nothing,
    Part,
    Whole,
}

impl Received {
    const fn late(self) -> PaymentState {
        match self {
            Self::Nothing => PaymentState::Unpaid,
            Self::Part => PaymentState::Underpaid,
            Self::Whole => PaymentState::PaidLate,
        }
    }

    const fn refused(self) -> PaymentState {
        match self {
            Self::Nothing => PaymentState::Unpaid,
            Self::Part => PaymentState::Underpaid,
            Self::Whole => PaymentState::Paid,
        }
    }

    const fn waiting(self) -> PaymentState {
        match self {
            Self::Nothing => PaymentState::Unpaid,
            Self::Part => PaymentState::Underpaid,
            Self::Whole => PaymentState::Processing,
        }
    }
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPage {
    /// Those made since the time that was asked for.
    pub orders: Vec<Invoice>,
    /// How many orders were on it, those of before that time not counted.
    pub count: usize,
}

/// Reads the answer to creating, getting or charging an order, at `now` in unix seconds.
///
/// # Errors
/// [`ReadError`].
pub fn read_order(answer: &Response<impl AsRef<[u8]>>, now: i64) -> Result<Invoice, ReadError> {
    let value: Value = read(answer)?;
    invoice(unwrapped(&value), now).ok_or(ReadError::Unreadable)
}

/// Reads a page of orders made since `since`, both times in unix seconds. One of another
/// program that cannot be read is left out, so that it hides none of ours.
///
/// # Errors
/// [`ReadError`].
pub fn read_orders(
    answer: &Response<impl AsRef<[u8]>>,
    now: i64,
    since: i64,
) -> Result<OrderPage, ReadError> {
    let value: Value = read(answer)?;
    let items = items(&value).ok_or(ReadError::Unreadable)?;
    let recent = items
        .iter()
        .filter(|item| time(item, order::CREATED).is_none_or(|at| at >= since));
    let recent: Vec<&Value> = recent.collect();
    Ok(OrderPage {
        count: recent.len(),
        orders: recent
            .into_iter()
            .filter_map(|item| invoice(item, now))
            .collect(),
    })
}

/// Reads which organization a list of orders is of; `None` for an empty list.
///
/// # Errors
/// [`ReadError`].
pub fn read_organization(answer: &Response<impl AsRef<[u8]>>) -> Result<Option<String>, ReadError> {
    let value: Value = read(answer)?;
    let items = items(&value).ok_or(ReadError::Unreadable)?;
    let first = items.first();
    Ok(first
        .and_then(|item| text(item, order::ORGANIZATION))
        .map(str::to_owned))
}

/// The object of an answer: itself, or what one of the known wrappers holds.
pub(super) fn unwrapped(value: &Value) -> &Value {
    let wrapped = || names::WRAPPERS.iter().find_map(|name| value.get(name));
    match value.get(order::ID) {
        Some(_) => value,
        None => wrapped().unwrap_or(value),
    }
}

/// The list of an answer: itself, or what one of the known wrappers holds.
fn items(value: &Value) -> Option<&Vec<Value>> {
    let wrapped = || {
        names::LISTS
            .iter()
            .find_map(|name| value.get(name)?.as_array())
    };
    value.as_array().or_else(wrapped)
}

/// A text that is not empty.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str().filter(|text| !text.is_empty())
}

pub(super) fn time(value: &Value, member: &str) -> Option<i64> {
    parse_rfc3339(text(value, member)?).ok()
}

/// A whole number of minor units; never read as a float.
fn minor_units(value: &Value, member: &str) -> Option<i64> {
    let amount = value.get(member)?;
    amount.as_i64().filter(|amount| *amount >= 0)
}

fn invoice(value: &Value, now: i64) -> Option<Invoice> {
    let currency = text(value, order::CURRENCY).unwrap_or_default();
    let known = Currency::ALL
        .into_iter()
        .find(|known| currency_code(*known) == currency);
    let total = minor_units(value, order::AMOUNT);
    let price = |amount: Option<i64>| Price::new(known?, amount?).ok();
    let received = received(value);
    let part = match (received, total) {
        (0, _) => Received::Nothing,
        (received, Some(total)) if received >= total => Received::Whole,
        _ => Received::Part,
    };
    let made = time(value, order::CREATED);
    let end = time(value, order::EXPIRES).or(made.map(|made| made.saturating_add(OPEN_SECONDS)));
    let status = Status::parse(text(value, order::STATUS)?);
    let checkout_url = text(value, order::CHECKOUT).unwrap_or_default();
    // Buyers are sent there.
    if !checkout_url.is_empty() && web_url::check(checkout_url).is_err() {
        return None;
    }
    Some(Invoice {
        id: text(value, order::ID)?.to_owned(),
        account_id: text(value, order::ORGANIZATION)
            .unwrap_or_default()
            .to_owned(),
        order_id: text(value, order::OURS).map(str::to_owned),
        price: price(total),
        state: status.observation(part, end.is_some_and(|end| end < now)),
        sats: None,
        paid: price(Some(received))
            .filter(|_| received > 0)
            .map(|paid| (paid.to_decimal(), currency.to_owned())),
        watch_until: end.map(|end| end.saturating_add(WATCH_SECONDS)),
        checkout_url: checkout_url.to_owned(),
    })
}

/// What came in, in minor units of the order's currency.
fn received(value: &Value) -> i64 {
    let list = value.get(order::TRANSACTIONS).and_then(Value::as_array);
    let confirmed = list
        .into_iter()
        .flatten()
        .filter(|one| text(one, transaction::STATUS) == Some(transaction::CONFIRMED));
    confirmed
        .filter_map(|one| minor_units(one, transaction::AMOUNT))
        .fold(0, i64::saturating_add)
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
