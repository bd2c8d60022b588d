//! `BTCPay` Server's Greenfield API, version 1: creating an invoice, reading
//! it back, finding it by our order id, the webhook, and connecting a store.
//! Store-scoped paths, which every server version knows.

mod answer;
mod authorize;
mod invoice;
mod methods;
mod network;
pub mod permission;
mod setup;
mod store;
mod webhook;

pub use authorize::{Listed, Server, authorize_url, read_key, read_stores};

use crate::answer::{ReadError, read};
pub use invoice::{read_invoice, read_invoices};
pub use methods::read_sats;
pub use network::Network;
pub use permission::{Granted, Scope};
pub use setup::{
    PaymentMethod, Webhook, read_gone, read_network, read_payment_methods, read_webhook,
    read_webhooks,
};
pub use store::{Store, StoreError};
pub use webhook::{Delivery, SignatureError, WebhookSecret, read_delivery};
