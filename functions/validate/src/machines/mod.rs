//! Routes for machines, one file each. Each wants the license key: who holds
//! it may see and free the machines it is used on.

pub(crate) mod activate;
pub(crate) mod deactivate;
pub(crate) mod heartbeat;
pub(crate) mod list;
