//! Routes for machines, one file each.

pub(crate) mod deactivate;
pub(crate) mod list;
