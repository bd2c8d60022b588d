//! Who changed what, one route per file.

pub(crate) mod list;
