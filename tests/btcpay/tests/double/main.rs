//! The double itself is tested: that it behaves as `BTCPay` is documented to, and
//! that its faults do what they say.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests fail as tests do"
)]

mod amounts;
mod api;
mod checkout;
mod common;
mod consent;
mod control;
mod deliveries;
mod faults;
mod invoices;
mod lists;
mod outages;
mod redeliveries;
mod statuses;
mod webhooks;
