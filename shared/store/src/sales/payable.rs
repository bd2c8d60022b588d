//! Orders as settling and reconciling load them.

use crate::subscriptions::order_link::OrderSubscription;
use keywright_domain::invoice::watch::InvoiceWatch;
use keywright_domain::invoice::{InvoiceStatus, OrderState, PaymentState};
use keywright_domain::money::Price;
use keywright_domain::order::OrderProvider;
use serde::Deserialize;

/// An order as settling and reconciling load it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Payable {
    /// Our id.
    pub id: String,
    /// The product.
    pub product_id: String,
    /// The state of its invoice.
    pub status: InvoiceStatus,
    /// What was paid.
    pub payment_state: PaymentState,
    /// Who takes the payment.
    pub provider: OrderProvider,
    /// The provider's id, once known.
    pub provider_invoice_id: Option<String>,
    /// What the buyer has to pay.
    #[serde(flatten)]
    pub price: Price,
    /// The price before any discount, in the same currency.
    pub base_price_amount: i64,
    /// What has to be paid in sats; 0 while the provider has not converted it.
    pub amount_sats: i64,
    /// Unix seconds of the order.
    pub created_at: i64,
    /// How often the reconciler has read it.
    pub checks: i64,
    /// When the provider stops watching for payments, in unix seconds.
    pub watch_until: Option<i64>,
    /// Id of the last step that was recorded.
    pub step_id: Option<String>,
    /// The connected store it is paid at; `None` for that of the configuration.
    pub payment_provider_id: Option<String>,
    /// What it has to do with a subscription.
    #[serde(flatten)]
    pub subscription: OrderSubscription,
}

/// The columns of a [`Payable`]. An order from before there were currencies has
/// its price in sats only.
macro_rules! payable_columns {
    () => {
        concat!(
            "id, product_id, status, payment_state, provider, provider_invoice_id, price_currency,
             coalesce(price_amount, amount_sats) AS price_amount,
             coalesce(base_price_amount, base_price_sats) AS base_price_amount, amount_sats,
             created_at, checks, watch_until, step_id, payment_provider_id, ",
            $crate::subscriptions::order_link::subscription_columns!("invoices")
        )
    };
}
pub(crate) use payable_columns;

impl Payable {
    /// Converts this row into the domain's state.
    #[must_use]
    pub fn state(&self) -> OrderState {
        OrderState {
            status: self.status,
            payment: self.payment_state,
        }
    }

    /// What decides when its invoice is read next.
    #[must_use]
    pub fn watch(&self) -> InvoiceWatch {
        InvoiceWatch {
            status: self.status,
            created_at: self.created_at,
            watch_until: self.watch_until,
            checks: self.checks,
        }
    }

    /// True while the provider's conversion of the price to sats is unknown.
    #[must_use]
    pub fn lacks_sats(&self) -> bool {
        self.amount_sats == 0
    }
}
