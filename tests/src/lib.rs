//! End-to-end tests: one suite of HTTP exchanges, run against every host.
//!
//! - [`shop`]: all functions in this process, over a real `SQLite`
//! - [`hosts`]: an instance on each of the hosts, with the `BTCPay` double
//! - [`suite`]: the exchanges, and what every host has to answer

pub mod hosts;
pub mod shop;
pub mod suite;
