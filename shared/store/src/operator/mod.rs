//! API keys, the audit table, activity, attention items, retention.

pub mod activity;
pub mod api_keys;
pub mod attention;
pub mod audit;
pub mod retention;
