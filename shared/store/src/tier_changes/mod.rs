//! Changes of a license to another policy: what they cost, what they do, and when.
//!
//! A change is priced for the license as it is. Its payment finds the same license, or
//! changes nothing and is reported to the operator.

pub mod applying;
pub mod basis;
pub mod booking;
pub mod change;
mod undoing;
mod upgrading;

pub(crate) use undoing::withdrawn;
pub(crate) use upgrading::upgrading;
