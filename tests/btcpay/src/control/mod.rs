//! The control side: what tests do to the double, over the API's head.

mod deliveries;
mod faults;
mod http;
mod money;
mod waiting;

use std::sync::Arc;

pub(crate) use http::router;
pub use money::{MarkAs, NewInvoice, Payment};
pub use waiting::Stuck;

use crate::gate::Gate;
use crate::state::Double;

/// A handle to a running double. Cheap to clone; it does not keep the double
/// alive, [`BtcPay`](crate::BtcPay) does. After that has been dropped nothing
/// is sent any more and waiting calls fail.
///
/// All calls but the waiting ones are synchronous and have taken effect when
/// they return.
#[derive(Debug, Clone)]
pub struct Control {
    pub(crate) double: Double,
    pub(crate) gate: Gate,
    pub(crate) known: Arc<Known>,
}

/// Names fixed at the start.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) control_url: String,
    pub(crate) store_id: String,
    pub(crate) api_key: String,
    /// Of the first webhook configured, if any.
    pub(crate) webhook_id: Option<String>,
}

/// Why a control call could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No invoice has this id.
    #[error("no invoice has the id {0}; take one from `invoices`")]
    UnknownInvoice(String),
    /// No store has this id.
    #[error("no store has the id {0}; add it to the builder")]
    UnknownStore(String),
    /// No webhook has this id, or none is configured.
    #[error("no webhook {0}; configure one in the builder or create it over the API")]
    UnknownWebhook(String),
    /// No delivery has this id, or it was never sent.
    #[error("no delivery {0} was sent; take an id from `attempts`")]
    UnknownDelivery(String),
    /// The invoice is in a state where this does not happen.
    #[error("{0}")]
    NotPossible(String),
}

impl Control {
    /// `http://127.0.0.1:PORT` of the API and the checkout pages.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.double.setup.base_url
    }

    /// `http://127.0.0.1:PORT` where `/_control/…` is always there, also while
    /// the API refuses connections.
    #[must_use]
    pub fn control_url(&self) -> &str {
        &self.known.control_url
    }

    /// Id of the first store.
    #[must_use]
    pub fn store_id(&self) -> &str {
        &self.known.store_id
    }

    /// The first API key; empty if none was given.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.known.api_key
    }

    /// The double's time, in unix seconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.double.lock().clock.now()
    }

    /// Moves the double's time: invoices expire, monitoring ends, retries that
    /// are due by then are sent.
    pub fn advance(&self, by: std::time::Duration) {
        {
            let mut state = self.double.lock();
            state.clock.advance(by);
            state.tick();
        }
        self.double.bump();
    }
}
