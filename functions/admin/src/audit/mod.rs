//! Who changed what, one route per file.

pub(crate) mod activity;
pub(crate) mod checkpoint;
pub(crate) mod leaves;
pub(crate) mod list;
