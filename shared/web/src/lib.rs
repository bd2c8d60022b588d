//! The HTTP layer that every function and every host shares, on axum: the error
//! envelope, extractors, request ids, bearer authentication, lists in pages,
//! idempotency, rate limits, downloads, OpenAPI. No business rule and no route; no
//! table but the two of this layer, `idempotency_keys` and `rate_limits`.
//!
//! ```ignore
//! pub const FUNCTION: Function = Function { name: "validate", grants: …, router, … };
//! keywright_host::entry!(FUNCTION);
//! ```

mod auth;
pub mod caller_limit;
mod client;
pub mod conditional;
mod cron_gate;
pub mod download;
pub mod endpoints;
mod error;
mod idempotency;
mod json;
pub mod list;
pub mod names;
pub mod openapi;
pub mod path_id;
mod query;
pub mod range;
pub mod rate_limit;
mod sendfile;
mod serve;
mod state;
mod visit;

pub use auth::{Bearer, basic_password_of, bearer_of, hash_of_secret, same_secret};
pub use client::Client;
pub use cron_gate::CronGate;
pub use download::{Download, GATED};
pub use error::{ApiError, Failure};
pub use idempotency::{
    Callers, IDEMPOTENCY_KEY, LicensesInForce, MIN_ANONYMOUS_CHARS, forget_expired, repeatable,
};
pub use json::{AnyText, Json, MAX_BODY_BYTES, read_body};
pub use keywright_ports::AddressHeader;
pub use list::{List, Listed, NoFilter};
pub use query::{Query, StrictQuery};
pub use sendfile::{NotASendfile, RELEASES_SENDFILE, Sendfile};
pub use serve::{
    REQUEST_ID, RequestId, api_router, cors, not_opened, request_id_of, serve, set_content_length,
};
pub use state::{Attempted, WithinAttempt};
pub use visit::Visit;

/// One function: a router built from its ports, and what it may touch.
pub type Function = keywright_ports::Function<axum::Router>;
