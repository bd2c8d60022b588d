//! Reading `BTCPay`'s invoices. Only what decides about a license is read.

use super::answer::{Amount, Metadata, ReadError, read};
use super::methods::{self, PaymentMethod};
use super::store::currency_code;
use http::Response;
use keywright_domain::invoice::{InvoiceOutcome, PaymentObservation, PaymentState};
use keywright_domain::money::{Currency, Price, Sats};
use serde::Deserialize;
use serde_json::Value;

/// `BTCPay`'s status. A payment counts only when it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum InvoiceStatus {
    /// Waiting for a payment.
    New,
    /// Paid, not confirmed often enough.
    Processing,
    /// Paid and confirmed, or marked so by the merchant.
    Settled,
    /// The time to pay is over.
    Expired,
    /// Refused.
    Invalid,
}

/// An invoice as `BTCPay` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// `BTCPay`'s id.
    pub id: String,
    /// The store it belongs to.
    pub store_id: String,
    /// Its status.
    pub status: InvoiceStatus,
    /// The finer status, such as `Marked` or `PaidLate`.
    pub additional_status: String,
    /// What was to be paid, when that is an amount of a currency that we
    /// charge in.
    pub price: Option<Price>,
    /// What that is in sats by `BTCPay`'s rate, where it was asked for and said.
    pub sats: Option<Sats>,
    /// What came in, as `BTCPay` writes it, in [`Self::currency`]; servers
    /// before 2.1.2 do not say.
    pub paid_amount: Option<String>,
    /// The currency of the amounts.
    pub currency: String,
    /// Till when `BTCPay` watches for payments, in unix seconds.
    pub monitoring_expiration: Option<i64>,
    /// Our invoice id.
    pub order_id: Option<String>,
    /// Where the buyer pays.
    pub checkout_link: String,
}

/// What is recorded of an order, to compare with `BTCPay`'s invoice.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The store that the order is paid at.
    pub store_id: &'a str,
    /// Our invoice id.
    pub order_id: &'a str,
    /// What the buyer has to pay, as it was quoted.
    pub price: Price,
}

/// An invoice that is not the one we made; nothing is issued for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It belongs to another store.
    #[error("the invoice belongs to another store")]
    Store,
    /// It was made for something else.
    #[error("the invoice carries another order id")]
    Order,
    /// It asks for another amount or currency.
    #[error("the invoice is over another amount")]
    Amount,
}

impl Invoice {
    /// What this invoice, read back from the API, says about our order.
    ///
    /// # Errors
    /// [`Mismatch`] when it is not the invoice that we made for it.
    pub fn observation(&self, expected: Expected<'_>) -> Result<PaymentObservation, Mismatch> {
        if self.store_id != expected.store_id {
            return Err(Mismatch::Store);
        }
        if self.order_id.as_deref() != Some(expected.order_id) {
            return Err(Mismatch::Order);
        }
        if self.price != Some(expected.price) {
            return Err(Mismatch::Amount);
        }
        Ok(PaymentObservation {
            outcome: match self.status {
                InvoiceStatus::New | InvoiceStatus::Processing => InvoiceOutcome::Waiting,
                InvoiceStatus::Settled => InvoiceOutcome::Settled,
                InvoiceStatus::Expired => InvoiceOutcome::Expired,
                InvoiceStatus::Invalid => InvoiceOutcome::Invalid,
            },
            payment: self.payment(),
        })
    }

    /// What came in. The finer status says it, but for two cases: a merchant
    /// may mark an invoice that nobody paid, and one whose payment was never
    /// confirmed is invalid without more.
    fn payment(&self) -> PaymentState {
        match (self.status, self.additional_status.as_str()) {
            (InvoiceStatus::Processing, _) => PaymentState::Processing,
            (InvoiceStatus::Expired, "PaidLate" | "PaidOver") => PaymentState::PaidLate,
            (
                InvoiceStatus::New | InvoiceStatus::Expired | InvoiceStatus::Invalid,
                "PaidPartial",
            ) => PaymentState::Underpaid,
            (InvoiceStatus::New | InvoiceStatus::Expired, _) => PaymentState::Unpaid,
            (InvoiceStatus::Settled | InvoiceStatus::Invalid, _)
                if self.came_in() == Some(false) =>
            {
                PaymentState::Unpaid
            }
            (_, "PaidOver") => PaymentState::Overpaid,
            (InvoiceStatus::Invalid, "Marked") if self.came_in().is_none() => PaymentState::Unpaid,
            (InvoiceStatus::Settled | InvoiceStatus::Invalid, _) => PaymentState::Paid,
        }
    }

    /// What came in and its currency, where `BTCPay` says.
    #[must_use]
    pub fn paid(&self) -> Option<(&str, &str)> {
        let paid = self.paid_amount.as_deref()?;
        Some((paid, self.currency.as_str()))
    }

    /// Whether anything came in, where `BTCPay` says.
    fn came_in(&self) -> Option<bool> {
        let paid = self.paid_amount.as_deref()?;
        Some(paid.bytes().any(|b| (b'1'..=b'9').contains(&b)))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InvoiceData {
    id: String,
    store_id: String,
    status: InvoiceStatus,
    #[serde(default)]
    additional_status: String,
    amount: Option<Amount>,
    paid_amount: Option<Amount>,
    monitoring_expiration: Option<i64>,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    checkout_link: String,
    payment_methods: Option<Vec<PaymentMethod>>,
}

/// The price in a currency that we charge in.
fn read_price(code: &str, amount: Option<Amount>) -> Option<Price> {
    let currency = Currency::ALL
        .into_iter()
        .find(|currency| currency_code(*currency) == code)?;
    Price::from_decimal(currency, &amount?.into_text()).ok()
}

impl From<InvoiceData> for Invoice {
    fn from(data: InvoiceData) -> Self {
        Self {
            id: data.id,
            store_id: data.store_id,
            status: data.status,
            additional_status: data.additional_status,
            price: read_price(&data.currency, data.amount),
            sats: methods::sats(data.payment_methods.unwrap_or_default()),
            paid_amount: data.paid_amount.map(Amount::into_text),
            currency: data.currency,
            monitoring_expiration: data.monitoring_expiration,
            order_id: data.metadata.order_id,
            checkout_link: data.checkout_link,
        }
    }
}

/// Reads the answer to creating or getting an invoice.
///
/// # Errors
/// [`ReadError`].
pub fn read_invoice(answer: &Response<impl AsRef<[u8]>>) -> Result<Invoice, ReadError> {
    read::<InvoiceData>(answer).map(Invoice::from)
}

/// Reads the answer to listing invoices. One of another program that cannot be read is
/// left out, so that it hides none of ours.
///
/// # Errors
/// [`ReadError`].
pub fn read_invoices(answer: &Response<impl AsRef<[u8]>>) -> Result<Vec<Invoice>, ReadError> {
    let list: Vec<Value> = read(answer)?;
    let mut invoices = Vec::with_capacity(list.len());
    for value in list {
        let may_be_ours = Metadata::from(value["metadata"].clone()).order_id.is_some();
        match serde_json::from_value::<InvoiceData>(value) {
            Ok(data) => invoices.push(data.into()),
            Err(_) if may_be_ours => return Err(ReadError::Unreadable),
            Err(_) => {}
        }
    }
    Ok(invoices)
}

#[cfg(test)]
#[path = "invoice_tests.rs"]
mod tests;
