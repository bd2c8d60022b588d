//! The hosts, Workers and Spin. Each binds the ports of a function to what the platform
//! offers, turns its own request and response types into those of the `http` crate, and
//! holds no rule and no route. [`entry!`] makes a function the entry point of a module.

#[cfg(any(feature = "spin", feature = "workers"))]
mod body;
mod entry;
#[cfg(feature = "spin")]
pub mod spin;
#[cfg(feature = "workers")]
pub mod workers;
