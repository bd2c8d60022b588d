//! Reading `BTCPay`'s invoices. Only what decides about a license is read.

use super::answer::{Amount, Metadata};
use super::methods::{self, PaymentMethod};
use super::store::currency_code;
use super::{ReadError, read};
use crate::invoice::Invoice;
use http::Response;
use keywright_domain::invoice::{InvoiceOutcome, PaymentObservation, PaymentState};
use keywright_domain::money::{Currency, Price};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `BTCPay`'s status. A payment counts only when it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum InvoiceStatus {
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

impl InvoiceData {
    fn state(&self) -> PaymentObservation {
        PaymentObservation {
            outcome: match self.status {
                InvoiceStatus::New | InvoiceStatus::Processing => InvoiceOutcome::Waiting,
                InvoiceStatus::Settled => InvoiceOutcome::Settled,
                InvoiceStatus::Expired => InvoiceOutcome::Expired,
                InvoiceStatus::Invalid => InvoiceOutcome::Invalid,
            },
            payment: self.payment(),
        }
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

    /// Whether anything came in, where `BTCPay` says.
    fn came_in(&self) -> Option<bool> {
        let paid = self.paid_amount.as_ref()?;
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
    /// What came in, as `BTCPay` writes it, in `currency`; servers before 2.1.2 do not say.
    #[serde(default, deserialize_with = "amount_text")]
    paid_amount: Option<String>,
    monitoring_expiration: Option<i64>,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    checkout_link: String,
    payment_methods: Option<Vec<PaymentMethod>>,
}

fn amount_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<Amount>::deserialize(deserializer)?.map(Amount::into_text))
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
        let state = data.state();
        Self {
            state,
            id: data.id,
            account_id: data.store_id,
            price: read_price(&data.currency, data.amount),
            sats: methods::sats(data.payment_methods.unwrap_or_default()),
            paid: data.paid_amount.map(|paid| (paid, data.currency)),
            watch_until: data.monitoring_expiration,
            order_id: data.metadata.order_id,
            checkout_url: data.checkout_link,
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
