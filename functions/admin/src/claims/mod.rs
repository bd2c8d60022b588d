//! Wallets that were claimed for files.

pub(crate) mod list;
