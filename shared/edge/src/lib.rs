//! Ports and their hosts. A function is a router built from ports; a host
//! binds the ports and turns its own request and response types into those of
//! the `http` crate. No business rule and no route lives here.
//!
//! - [`ports`]: database, outbound HTTP, sign, releases, clock, randomness,
//!   configuration, log
//! - [`http`]: the error envelope, the JSON extractor, request ids, bearer
//!   authentication, and [`http::serve`], which every host calls
//! - [`journal`]: notes written after the answer, many at once
//! - [`vault`]: credentials at rest, sealed
//! - [`receipt_keys`]: seals of receipts
//! - [`host`]: Workers, Spin and, for tests, native with a real `SQLite`
//!
//! ```ignore
//! pub const FUNCTION: Function = Function { name: "validate", grants: …, router, tick: None };
//! keywright_edge::entry!(FUNCTION);
//! ```

mod entry;
pub mod function;
pub mod host;
pub mod http;
pub mod journal;
pub mod ports;
pub mod receipt_keys;
mod seal;
pub mod vault;

pub use function::{Function, Grants, Host};

/// A boxed future that may move between threads; wasm hosts wrap theirs.
pub type BoxFuture<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
