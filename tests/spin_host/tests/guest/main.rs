//! The host with a real guest in it, over real HTTP.
//!
//! The guest is the crate `guest` beside this one. It is built for
//! WebAssembly by the project's build, which says where it is in the variable
//! `KEYWRIGHT_SPIN_GUEST`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "all of this is a test, its helpers too"
)]

mod binary;
mod files;
mod instances;
mod outbound;
mod requests;
mod sqlite;
mod start;
mod support;
