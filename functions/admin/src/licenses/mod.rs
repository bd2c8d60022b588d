//! Routes for licenses, one file each.

pub(crate) mod change;
pub(crate) mod change_tier;
pub(crate) mod download_id;
pub(crate) mod erase_address;
pub(crate) mod erase_buyer;
pub(crate) mod issue;
pub(crate) mod list;
pub(crate) mod replace_key;
pub(crate) mod revoke;
pub(crate) mod search;
pub(crate) mod search_by_key;
mod search_terms;
pub(crate) mod show;
mod standing;
pub(crate) mod summary;
pub(crate) mod suspend;
mod times;
pub(crate) mod unsuspend;
mod view;
