//! Routes for the `BTCPay` stores that businesses are paid at, one file each.

pub(crate) mod connect;
pub(crate) mod disconnect;
pub(crate) mod payment_methods;
pub(crate) mod status;
