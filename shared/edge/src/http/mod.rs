//! The HTTP layer that every function and every host shares.

mod auth;
pub mod caller_limit;
mod client;
pub mod conditional;
pub mod download;
mod error;
mod idempotency;
mod json;
pub mod openapi;
pub mod page;
mod query;
pub mod range;
pub mod rate_limit;
mod sendfile;
mod serve;
mod visit;

pub use auth::{Bearer, bearer_of, hash_of_secret, same_secret};
pub use client::{AddressHeader, Client};
pub use download::{Download, GATED};
pub use error::{ApiError, Failure};
pub use idempotency::{
    Callers, IDEMPOTENCY_KEY, LicensesInForce, MIN_ANONYMOUS_CHARS, forget_expired, repeatable,
};
pub use json::{Json, MAX_BODY_BYTES, read_body};
pub use query::Query;
pub use sendfile::{NotASendfile, Sendfile};
#[cfg(feature = "native")]
pub(crate) use serve::REQUEST_ID;
#[cfg(any(feature = "workers", feature = "spin"))]
pub(crate) use serve::not_opened;
pub use serve::{RequestId, api_router, request_id_of, serve, set_content_length};
pub use visit::Visit;
