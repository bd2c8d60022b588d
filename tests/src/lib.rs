//! End-to-end tests: one suite of HTTP exchanges, run against every host.
//!
//! - [`shop`]: all functions in this process, over a real `SQLite`
//! - [`hosts`]: an instance on each of the hosts, with the `BTCPay` double
//! - [`suite`]: the exchanges, and what every host has to answer
//! - [`command_line`]: the compiled `keywright`
//! - [`release_file`]: files to publish
//! - [`polygon`]: a node on which tests pay
//! - [`openapi`]: the document of all functions
//! - [`vendor`]: who publishes releases

pub mod command_line;
pub mod hosts;
pub mod openapi;
pub mod polygon;
pub mod published;
pub mod release_file;
pub mod shop;
pub mod suite;
pub mod vendor;
