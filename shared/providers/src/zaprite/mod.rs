//! Zaprite's API, version 1: orders, contacts with the payment profiles (saved cards) that
//! belong to them, charging a profile, and the webhook.
//!
//! Written from published pages and from what other clients do; never run against the live
//! service. Paths and member names are in [`names`], so that a difference is mended there.

mod account;
mod contact;
mod names;
mod order;
mod webhook;

pub use account::{Account, AccountError, DEFAULT_URL};
pub use contact::{Contact, PaymentProfile, read_contact};
pub use order::{OrderPage, read_order, read_orders, read_organization};
pub use webhook::{OrderHint, read_hint};
