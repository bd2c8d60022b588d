//! A small server that plays Zaprite in tests: orders, contacts with payment profiles,
//! charging one, and everything that goes wrong with them. It delivers no webhooks by
//! itself: [`event`] makes the body of one, which a test sends wherever it likes.
//!
//! What it plays are published pages and what other clients do. What nobody has verified is a
//! setting of [`Behavior`], so that a test can vary it.
//!
//! The double runs on a thread and a runtime of its own, so it goes with any test runtime,
//! and ends when the [`Zaprite`] is dropped.

mod api;
mod behavior;
mod control;
mod server;
mod state;

pub use behavior::{Behavior, Charging, Decline, SecondContact};
pub use control::{Spelling, event};
pub use server::Zaprite;
pub use state::Request;

/// The organization that the key belongs to.
pub const ORGANIZATION: &str = "org_suite";
/// The API key.
pub const API_KEY: &str = "zaprite-key";
