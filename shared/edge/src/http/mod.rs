//! The HTTP layer that every function and every host shares.

mod auth;
mod error;
mod json;
pub mod openapi;
pub mod page;
mod query;
mod serve;

pub use auth::{Bearer, MIN_SECRET_LEN, bearer_of, same_secret};
pub use error::{ApiError, Failure};
pub use json::{Json, MAX_BODY_BYTES, read_body};
pub use query::Query;
#[cfg(feature = "native")]
pub(crate) use serve::REQUEST_ID;
pub use serve::{RequestId, api_router, request_id_of, serve, set_content_length};
