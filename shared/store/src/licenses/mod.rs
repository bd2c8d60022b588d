//! Licenses: looking them up, changing them, and what opens their downloads.

pub mod buyer_erasure;
pub mod download_ids;
pub mod download_links;
pub mod holders;
pub mod key_replacement;
pub mod license_change;
pub mod license_detail;
pub mod license_list;
pub mod license_status;
pub mod recorded;
