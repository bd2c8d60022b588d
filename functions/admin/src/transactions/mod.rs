//! Sales in USDC, for the books.

pub(crate) mod list;
