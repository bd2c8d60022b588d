//! Routes for the Zaprite organizations that businesses are paid at, one file each.

pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod status;
