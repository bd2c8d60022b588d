//! What was validated, one route per file.

pub(crate) mod list;
