//! Saves cards at Zaprite and charges them. What costs money is never done on a guess: an
//! order is read before it is charged and read back afterwards, and only what it says then
//! counts. A success of the charge is no payment, and an answer that was lost is no failure.

use keywright_domain::invoice::{InvoiceOutcome, PaymentState};
use keywright_ports::Outbound;
use keywright_providers::answer::ReadError;
use keywright_providers::invoice::{Invoice, NewInvoice};
use keywright_providers::zaprite::{self, Account, Contact, PaymentProfile};

/// An organization at Zaprite and the way to it.
#[derive(Clone, Copy)]
pub struct CardAccount<'a> {
    /// The organization that the cards were saved at: at another one they mean nothing.
    pub account: &'a Account,
    /// The way to it.
    pub outbound: &'a Outbound,
    /// Unix seconds.
    pub now: i64,
}

/// Why Zaprite did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardFailure {
    /// It certainly did not; asking again will not help.
    #[error("{0}")]
    Refused(String),
    /// It may have done it.
    #[error("{0}")]
    Unknown(String),
}

/// What became of an order that a saved card was charged for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardCharge {
    /// It is paid.
    Settled(Invoice),
    /// It is not paid, and it can be: the bank may want the buyer, or the payment is on its
    /// way. The buyer needs the link; the card must not be charged again while this order is
    /// open.
    Open(Invoice),
    /// Zaprite refused the charge. The order can still be paid by its link if it is shown.
    Declined {
        /// Why, for the audit log.
        reason: String,
        /// The order, unless it has ended.
        order: Option<Invoice>,
    },
    /// The order has ended unpaid; nothing was charged.
    Ended(Invoice),
    /// It is not known. Nothing may be charged until [`CardAccount::look_up`] says more.
    Unknown(String),
}

impl CardAccount<'_> {
    /// Makes an order, unless it was made before: one with the same id is adopted, because
    /// Zaprite makes a second one without a word.
    ///
    /// # Errors
    /// [`CardFailure`].
    pub async fn order(&self, new: NewInvoice<'_>) -> Result<Invoice, CardFailure> {
        if let Some(made) = self.find(new.order_id).await? {
            return Ok(made);
        }
        let read = |answer: &_| zaprite::read_order(answer, self.now);
        self.ask(self.account.create_order(new), read)
            .await
            .map_err(CardFailure::from)
    }

    /// The contact of an e-mail address. Keep its id: what a second contact of one address
    /// does is not documented.
    ///
    /// # Errors
    /// [`CardFailure`].
    pub async fn contact(&self, email: &str) -> Result<Contact, CardFailure> {
        let request = self.account.create_contact(email);
        let contact = self.ask(request, zaprite::read_contact).await;
        contact.map_err(CardFailure::from)
    }

    /// The card that a contact saved with our order; `None` while there is none. It may
    /// appear after the payment.
    ///
    /// # Errors
    /// [`CardFailure`].
    pub async fn saved_card(
        &self,
        contact_id: &str,
        order_id: &str,
    ) -> Result<Option<PaymentProfile>, CardFailure> {
        let request = self.account.get_contact(contact_id);
        match self.ask(request, zaprite::read_contact).await {
            Ok(contact) => Ok(contact.profile_of(order_id, self.now).cloned()),
            Err(NoAnswer::Read(ReadError::NotFound)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What became of an order, by Zaprite's id, without charging anything.
    pub async fn look_up(&self, id: &str) -> CardCharge {
        match self.read(id).await {
            Ok(order) => standing(order),
            Err(error) => CardCharge::Unknown(error.to_string()),
        }
    }

    /// Charges a saved card for an order, both by Zaprite's ids, unless the order is paid, on
    /// its way, or over. Record the attempt before: after a crash, [`Self::look_up`] the order
    /// first.
    pub async fn charge(&self, id: &str, profile_id: &str) -> CardCharge {
        match self.look_up(id).await {
            CardCharge::Open(order) if order.state.payment == PaymentState::Unpaid => {}
            decided => return decided,
        }
        let read = |answer: &_| zaprite::read_order(answer, self.now);
        let answer = self.ask(self.account.charge(id, profile_id), read).await;
        // Whatever was answered, the order says what happened.
        match (self.look_up(id).await, answer) {
            (settled @ CardCharge::Settled(_), _) => settled,
            (after, Err(NoAnswer::Read(error))) if error.is_certain() => CardCharge::Declined {
                reason: error.to_string(),
                order: match after {
                    CardCharge::Open(order) => Some(order),
                    _ => None,
                },
            },
            // A success that cannot be read is one all the same.
            (after, Ok(_) | Err(NoAnswer::Read(ReadError::Unreadable))) => after,
            (CardCharge::Open(order), Err(_)) if order.state.payment != PaymentState::Unpaid => {
                CardCharge::Open(order)
            }
            (_, Err(error)) => CardCharge::Unknown(error.to_string()),
        }
    }

    async fn find(&self, order_id: &str) -> Result<Option<Invoice>, CardFailure> {
        match self.read(order_id).await {
            Ok(order) => Ok(Some(order)),
            Err(NoAnswer::Read(ReadError::NotFound)) => Ok(None),
            Err(error) => Err(CardFailure::Unknown(error.to_string())),
        }
    }

    async fn read(&self, id: &str) -> Result<Invoice, NoAnswer> {
        let read = |answer: &_| zaprite::read_order(answer, self.now);
        self.ask(self.account.get_order(id), read).await
    }

    async fn ask<T>(
        &self,
        request: Result<http::Request<bytes::Bytes>, http::Error>,
        read: impl FnOnce(&http::Response<bytes::Bytes>) -> Result<T, ReadError>,
    ) -> Result<T, NoAnswer> {
        let request = request.map_err(|error| NoAnswer::Unsent(error.to_string()))?;
        let answer = self.outbound.send(request).await;
        let answer = answer.map_err(|error| NoAnswer::Lost(error.to_string()))?;
        read(&answer).map_err(NoAnswer::Read)
    }
}

/// What an order says of itself.
fn standing(order: Invoice) -> CardCharge {
    match order.state.outcome {
        InvoiceOutcome::Settled => CardCharge::Settled(order),
        InvoiceOutcome::Waiting => CardCharge::Open(order),
        InvoiceOutcome::Expired | InvoiceOutcome::Invalid => CardCharge::Ended(order),
    }
}

#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("{0}")]
    Unsent(String),
    #[error("{0}")]
    Lost(String),
    #[error("{0}")]
    Read(ReadError),
}

impl From<NoAnswer> for CardFailure {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Unsent(reason) => Self::Refused(reason),
            NoAnswer::Read(error) if error.is_certain() => Self::Refused(error.to_string()),
            error @ (NoAnswer::Lost(_) | NoAnswer::Read(_)) => Self::Unknown(error.to_string()),
        }
    }
}
