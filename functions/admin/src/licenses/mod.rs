//! Routes for licenses, one file each.

pub(crate) mod issue;
pub(crate) mod revoke;
