//! A small server that plays `BTCPay` Server 2.4 in tests: the invoice and
//! webhook parts of its Greenfield API, the page on which keys are given, its status machine, its deliveries and
//! retries, and everything that goes wrong with them.
//!
//! ```
//! use keywright_btcpay_double::{BtcPay, Status};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pay = BtcPay::builder()
//!     .store("STORE")
//!     .api_key("KEY")
//!     .webhook("http://127.0.0.1:1/webhook", "secret")
//!     .start()?;
//! // The product creates an invoice at pay.base_url() ... here somebody else does:
//! # use keywright_btcpay_double::NewInvoice;
//! let invoice = pay.create_invoice(NewInvoice::of("25.00", "USD"))?;
//! pay.pay_in_full(&invoice)?;
//! assert_eq!(pay.invoice(&invoice).unwrap().status, Status::Settled);
//! # Ok(())
//! # }
//! ```
//!
//! The double runs on a thread and a runtime of its own, so it goes with any
//! test runtime, and ends when the [`BtcPay`] is dropped. Control calls are
//! synchronous; only the waiting ones are not.
//!
//! Where `BTCPay`'s published description and its code differ, the code of 2.4.1
//! decides. Messages for people are the double's own; codes, paths and field
//! names are `BTCPay`'s.

mod api;
mod builder;
mod checkout;
mod clock;
mod consent;
mod control;
mod delivery;
mod event;
mod fault;
mod gate;
mod id;
mod invoice;
mod json;
mod log;
mod machine;
mod money;
pub mod permission;
mod sign;
mod state;
mod store;
mod webhook;

pub use builder::{BtcPay, Builder};
pub use consent::{Callback, Consent};
pub use control::{Control, ControlError, MarkAs, NewInvoice, Payment, Stuck};
pub use event::{Event, EventIds};
pub use fault::{ApiState, Fault, Release};
pub use invoice::{
    Additional, Checkout, Invoice, Method, PaymentRecord, PaymentStatus, Prompt, SpeedPolicy,
    Status,
};
pub use log::{Attempt, Outcome, Request};
pub use rust_decimal::Decimal;
pub use sign::sign;
pub use store::{Network, StoreConfig};
