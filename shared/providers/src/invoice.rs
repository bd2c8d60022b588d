//! A provider's invoice of an order, in the words of all providers. `BTCPay` calls it an
//! invoice, Zaprite an order.

use keywright_domain::invoice::PaymentObservation;
use keywright_domain::money::{Price, Sats};

/// What to charge for.
#[derive(Debug, Clone, Copy)]
pub struct NewInvoice<'a> {
    /// Our invoice id, by which a lost answer is found.
    pub order_id: &'a str,
    /// How much, in the currency it was quoted in.
    pub price: Price,
    /// What the buyer sees.
    pub description: &'a str,
    /// Whom the receipt is for.
    pub buyer_email: Option<&'a str>,
    /// Where the buyer goes after paying.
    pub redirect_url: &'a str,
    /// The contact at Zaprite to whom the card may be saved that pays this; only if the buyer
    /// agreed to it. Zaprite refuses to save a card without a contact.
    pub saves_card_of: Option<&'a str>,
}

/// An invoice as its provider shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// The provider's id.
    pub id: String,
    /// The store or organization it belongs to.
    pub account_id: String,
    /// Our invoice id.
    pub order_id: Option<String>,
    /// What was to be paid, when that is an amount of a currency that we
    /// charge in.
    pub price: Option<Price>,
    /// What it says about the payment. It counts only for the order that it was made for:
    /// see [`Self::observation`].
    pub state: PaymentObservation,
    /// The price in sats by the provider's rate, where it was asked for and said.
    pub sats: Option<Sats>,
    /// What came in and its currency, as the provider writes them, where it says.
    pub paid: Option<(String, String)>,
    /// When the provider stops watching for payments, in unix seconds.
    pub watch_until: Option<i64>,
    /// Where the buyer pays.
    pub checkout_url: String,
}

/// What is recorded of an order, to compare with the provider's invoice.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The store or organization that the order is paid at; `None` if it is not known yet.
    pub account_id: Option<&'a str>,
    /// Our invoice id.
    pub order_id: &'a str,
    /// What the buyer has to pay, as it was quoted.
    pub price: Price,
}

/// An invoice that is not the one we made; nothing is issued for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It belongs to another store or organization.
    #[error("the invoice belongs to another account at the payment provider")]
    Account,
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
        if expected.account_id.is_some_and(|id| id != self.account_id) {
            return Err(Mismatch::Account);
        }
        if self.order_id.as_deref() != Some(expected.order_id) {
            return Err(Mismatch::Order);
        }
        if self.price != Some(expected.price) {
            return Err(Mismatch::Amount);
        }
        Ok(self.state)
    }

    /// What came in and its currency, where the provider says.
    #[must_use]
    pub fn paid(&self) -> Option<(&str, &str)> {
        let (amount, currency) = self.paid.as_ref()?;
        Some((amount, currency))
    }
}
