//! `BTCPay` Server's Greenfield API, version 1: creating an invoice, reading
//! it back, finding it by our order id, and the webhook. Store-scoped paths
//! only, which every server version knows.

mod invoice;
mod methods;
mod store;
mod webhook;

pub use invoice::{
    Expected, Invoice, InvoiceStatus, Mismatch, ReadError, read_invoice, read_invoices,
};
pub use methods::read_sats;
pub use store::{NewInvoice, Store, StoreError};
pub use webhook::{Delivery, SignatureError, WebhookSecret, read_delivery};
