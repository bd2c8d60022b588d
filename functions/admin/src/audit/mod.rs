//! Who changed what, one route per file.

pub(crate) mod activity;
pub(crate) mod list;
