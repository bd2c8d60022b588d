//! The edge entry on Workers: hands each path to the function that answers it,
//! by service binding, and answers the storefront's pages from the assets. On
//! Spin the manifest and a component of its own do this; the two tables are
//! compared in a test.

pub mod routes;

#[cfg(feature = "workers")]
mod forward;
#[cfg(feature = "workers")]
mod pages;
