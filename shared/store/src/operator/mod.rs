//! API keys, the audit table and its seal, activity, attention items, retention.

pub mod activity;
pub mod api_keys;
pub mod attention;
pub mod audit;
pub mod audit_pruning;
pub mod audit_seal;
pub mod instance_license;
pub mod retention;
