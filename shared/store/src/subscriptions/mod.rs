//! Subscriptions: the cycles that are due, what pays them, and what each payment buys.
//!
//! How far a subscription is paid stands in `licenses.expires_at` and nowhere else. A cycle is
//! unique; the orders that pay it expire and are replaced, and at most one of them is open.

pub mod cycles;
pub mod due;
pub mod due_changes;
pub mod ending;
pub mod lookup;
pub mod order_link;
mod renewing;
pub mod starting;
mod withdrawing;

pub(crate) use renewing::renewing;
pub(crate) use starting::{claim_trial, started};
pub(crate) use withdrawing::{restored, withdrawn};
