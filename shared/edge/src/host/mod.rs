//! The hosts. Each binds the ports of a [`Function`](crate::Function) to what
//! the platform offers and holds no rule and no route.

#[cfg(any(feature = "spin", feature = "workers"))]
mod body;
#[cfg(feature = "native")]
pub mod native;
#[cfg(feature = "spin")]
pub mod spin;
#[cfg(feature = "workers")]
pub mod workers;
