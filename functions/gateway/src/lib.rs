//! The edge entry on Workers: hands each path to the function that answers it,
//! by service binding. On Spin the manifest does this; the two tables are
//! compared in a test.

pub mod routes;

#[cfg(feature = "workers")]
mod forward;
