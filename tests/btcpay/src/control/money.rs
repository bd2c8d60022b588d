//! Invoices and payments.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::{Control, ControlError};
use crate::api::{Draft, make_invoice};
use crate::event::Event;
use crate::invoice::{Invoice, Method, PaymentRecord, PaymentStatus, Status};
use crate::machine;
use crate::money::{self, MAX_AMOUNT, parse, round_up};

/// An invoice that somebody else makes, not the product.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    amount: String,
    currency: String,
    store: Option<String>,
    metadata: Map<String, Value>,
}

impl NewInvoice {
    /// Over this amount, for example `"25.00"` and `"USD"`.
    #[must_use]
    pub fn of(amount: &str, currency: &str) -> Self {
        Self {
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            store: None,
            metadata: Map::new(),
        }
    }

    /// With this `metadata.orderId`.
    #[must_use]
    pub fn order(mut self, order_id: &str) -> Self {
        self.metadata.insert("orderId".to_owned(), json!(order_id));
        self
    }

    /// In this store; without it in the first.
    #[must_use]
    pub fn store(mut self, id: &str) -> Self {
        self.store = Some(id.to_owned());
        self
    }
}

/// A payment to make.
#[derive(Debug, Clone)]
pub struct Payment {
    amount: Option<String>,
    method: Method,
    confirmed: bool,
}

impl Payment {
    /// Of this amount, in the invoice's currency. Over Lightning, unless said
    /// otherwise.
    #[must_use]
    pub fn of(amount: &str) -> Self {
        Self {
            amount: Some(amount.to_owned()),
            method: Method::Lightning,
            confirmed: false,
        }
    }

    /// Of exactly what is due.
    #[must_use]
    pub fn rest() -> Self {
        Self {
            amount: None,
            method: Method::Lightning,
            confirmed: false,
        }
    }

    /// On chain, unconfirmed.
    #[must_use]
    pub fn on_chain(mut self) -> Self {
        self.method = Method::Chain;
        self
    }

    /// Over Lightning: confirmed by nature.
    #[must_use]
    pub fn lightning(mut self) -> Self {
        self.method = Method::Lightning;
        self
    }

    /// With all confirmations it needs.
    #[must_use]
    pub fn confirmed(mut self) -> Self {
        self.confirmed = true;
        self
    }
}

/// What a merchant can mark an invoice as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkAs {
    /// Paid, whatever came in.
    Settled,
    /// Not valid.
    Invalid,
}

impl Control {
    /// The price of one BTC in this currency changes, for invoices made from
    /// now on. A text that is no positive number removes the currency.
    pub fn set_rate(&self, currency: &str, one_btc: &str) {
        money::set_rate(&mut self.double.lock().rates, currency, one_btc);
    }

    /// The invoice as it really is.
    #[must_use]
    pub fn invoice(&self, id: &str) -> Option<Invoice> {
        self.double.lock().invoice(id).cloned()
    }

    /// All invoices of all stores, oldest first.
    #[must_use]
    pub fn invoices(&self) -> Vec<Invoice> {
        self.double.lock().invoices.clone()
    }

    /// The newest invoice with this `metadata.orderId`.
    #[must_use]
    pub fn invoice_by_order(&self, order_id: &str) -> Option<Invoice> {
        let state = self.double.lock();
        state
            .invoices
            .iter()
            .rev()
            .find(|one| one.order_id() == Some(order_id))
            .cloned()
    }

    /// Makes an invoice as another client of the API would.
    ///
    /// # Errors
    /// Unknown store; an amount or currency that `BTCPay` would refuse.
    pub fn create_invoice(&self, new: NewInvoice) -> Result<String, ControlError> {
        let store_id = new.store.as_deref().unwrap_or(&self.known.store_id);
        let store = self
            .double
            .store(store_id)
            .ok_or_else(|| ControlError::UnknownStore(store_id.to_owned()))?;
        let amount = amount(&new.amount)?;
        let draft = Draft {
            amount: Some(amount),
            currency: Some(new.currency),
            metadata: new.metadata,
            ..Draft::default()
        };
        let id = make_invoice(&self.double, store, draft)
            .map_err(|error| ControlError::NotPossible(error.to_string()))?;
        self.double.bump();
        Ok(id)
    }

    /// Pays, and returns the payment's id.
    ///
    /// # Errors
    /// Unknown invoice; a method it does not offer; nothing due; an amount that
    /// is not positive; nobody watches any more.
    pub fn pay(&self, id: &str, payment: &Payment) -> Result<String, ControlError> {
        let amount = payment.amount.as_deref().map(amount).transpose()?;
        let method = payment.method;
        let mut state = self.double.lock();
        state.tick();
        let payment_id = match method {
            Method::Chain => format!("{}-0", state.ids.hash()),
            Method::Lightning => state.ids.hash(),
        };
        let change = |invoice: &mut Invoice, now: i64| {
            let record = match received(invoice, payment, amount, payment_id, now) {
                Ok(record) => record,
                Err(error) => return (Err(error), Vec::new()),
            };
            for prompt in &mut invoice.prompts {
                prompt.activated |= prompt.method == method;
            }
            (
                Ok(record.id.clone()),
                machine::receive(invoice, record, now),
            )
        };
        let result = state
            .change(id, change)
            .ok_or_else(|| ControlError::UnknownInvoice(id.to_owned()))?;
        drop(state);
        self.double.bump();
        result
    }

    /// Over Lightning: New → Processing → Settled at once.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub fn pay_in_full(&self, id: &str) -> Result<String, ControlError> {
        self.pay(id, &Payment::rest())
    }

    /// On chain, unconfirmed: New → Processing. [`confirm`](Self::confirm) settles it.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub fn pay_on_chain(&self, id: &str) -> Result<String, ControlError> {
        self.pay(id, &Payment::rest().on_chain())
    }

    /// Half of the price, confirmed: stays New with `PaidPartial`.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub fn pay_partially(&self, id: &str) -> Result<String, ControlError> {
        let half = self.price(id)? / Decimal::TWO;
        self.pay(id, &Payment::of(&half.to_string()).on_chain().confirmed())
    }

    /// Twice the price: Settled with `PaidOver`.
    ///
    /// # Errors
    /// As [`pay`](Self::pay).
    pub fn pay_over(&self, id: &str) -> Result<String, ControlError> {
        let twice = self
            .price(id)?
            .checked_mul(Decimal::TWO)
            .unwrap_or(Decimal::MAX);
        self.pay(id, &Payment::of(&twice.to_string()))
    }

    /// In full, but after the deadline (which passes now if it has not):
    /// Expired with `PaidLate`.
    ///
    /// # Errors
    /// As [`pay`](Self::pay) and [`expire`](Self::expire).
    pub fn pay_late(&self, id: &str) -> Result<String, ControlError> {
        if self.known_invoice(id)?.status != Status::Expired {
            self.expire(id)?;
        }
        self.pay_in_full(id)
    }

    /// Payments get the confirmations they lack.
    ///
    /// # Errors
    /// Unknown invoice; no payment waits for confirmation.
    pub fn confirm(&self, id: &str) -> Result<(), ControlError> {
        self.act(
            id,
            "no payment of it waits for confirmation",
            machine::confirm,
        )
    }

    /// Unconfirmed payments are replaced or double spent: Processing → New,
    /// without a webhook.
    ///
    /// # Errors
    /// Unknown invoice; it has no unconfirmed payment.
    pub fn vanish(&self, id: &str) -> Result<(), ControlError> {
        self.act(id, "it has no unconfirmed payment", machine::vanish)
    }

    /// The deadline passes now.
    ///
    /// # Errors
    /// Unknown invoice; it is not New any more.
    pub fn expire(&self, id: &str) -> Result<(), ControlError> {
        self.act(id, "it is not New, so it cannot expire", |invoice, now| {
            (invoice.status == Status::New).then(|| {
                invoice.expiration_time = invoice.expiration_time.min(now);
                machine::watch(invoice, now)
            })
        })
    }

    /// The monitoring window passes now: unconfirmed Processing → Invalid, and
    /// no payment is noticed any more.
    ///
    /// # Errors
    /// Unknown invoice.
    pub fn end_monitoring(&self, id: &str) -> Result<(), ControlError> {
        self.act(id, "", |invoice, now| {
            invoice.expiration_time = invoice.expiration_time.min(now);
            invoice.monitoring_expiration = invoice.monitoring_expiration.min(now - 1);
            Some(machine::watch(invoice, now))
        })
    }

    /// A merchant marks the invoice, under the same rules as over the API.
    ///
    /// # Errors
    /// Unknown invoice; marking it so is not allowed now.
    pub fn mark(&self, id: &str, to: MarkAs) -> Result<(), ControlError> {
        let to = match to {
            MarkAs::Settled => Status::Settled,
            MarkAs::Invalid => Status::Invalid,
        };
        self.act(id, "it cannot be marked so now", |invoice, _| {
            machine::mark(invoice, to)
        })
    }

    fn known_invoice(&self, id: &str) -> Result<Invoice, ControlError> {
        self.invoice(id)
            .ok_or_else(|| ControlError::UnknownInvoice(id.to_owned()))
    }

    fn price(&self, id: &str) -> Result<Decimal, ControlError> {
        Ok(self.known_invoice(id)?.amount)
    }

    fn act(
        &self,
        id: &str,
        otherwise: &str,
        action: impl FnOnce(&mut Invoice, i64) -> Option<Vec<Event>>,
    ) -> Result<(), ControlError> {
        let mut state = self.double.lock();
        state.tick();
        let happened = state
            .change(id, |invoice, now| match action(invoice, now) {
                Some(events) => (None, events),
                None => (Some((invoice.status, invoice.additional)), Vec::new()),
            })
            .ok_or_else(|| ControlError::UnknownInvoice(id.to_owned()))?;
        drop(state);
        self.double.bump();
        match happened {
            None => Ok(()),
            Some((status, additional)) => Err(ControlError::NotPossible(format!(
                "invoice {id} is {status:?} ({additional:?}): {otherwise}"
            ))),
        }
    }
}

fn amount(text: &str) -> Result<Decimal, ControlError> {
    parse(text)
        .filter(|amount| *amount >= Decimal::ZERO && *amount <= Decimal::from(MAX_AMOUNT))
        .ok_or_else(|| ControlError::NotPossible(format!("{text:?} is no amount of money")))
}

/// The payment as the double notes it down.
fn received(
    invoice: &Invoice,
    payment: &Payment,
    amount: Option<Decimal>,
    id: String,
    now: i64,
) -> Result<PaymentRecord, ControlError> {
    let method = payment.method;
    let refuse = |why: &str| {
        ControlError::NotPossible(format!("invoice {} cannot be paid so: {why}", invoice.id))
    };
    if invoice.monitoring_expiration < now {
        return Err(refuse("its monitoring window is over, nobody would notice"));
    }
    let prompt = invoice
        .prompt(method)
        .ok_or_else(|| refuse(&format!("it does not offer {}", method.id())))?;
    let value = match amount {
        Some(amount) => round_up(amount / invoice.rate, method.divisibility()),
        None => invoice.due(method),
    };
    if value <= Decimal::ZERO {
        return Err(refuse("nothing is due; give an amount"));
    }
    let settled =
        payment.confirmed || machine::settles_at_once(method, invoice.checkout.speed_policy);
    Ok(PaymentRecord {
        id,
        method,
        value,
        status: if settled {
            PaymentStatus::Settled
        } else {
            PaymentStatus::Processing
        },
        received: now,
        destination: prompt.destination.clone(),
    })
}
