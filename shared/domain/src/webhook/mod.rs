//! Outgoing webhooks: where they may go, what they say, and when they are sent again.

pub mod body;
pub mod event_type;
pub mod filter;
pub mod health;
pub mod retry;
pub mod settings;
pub mod target;
