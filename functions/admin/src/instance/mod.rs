//! The license of the instance itself, where its host sets caps, and what is in use.

pub(crate) mod license;
pub(crate) mod set_license;
pub(crate) mod tier;
