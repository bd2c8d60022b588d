//! Published versions and their files, gates, keys and feeds.

pub mod download_log;
pub mod feed_offers;
pub mod known_versions;
pub mod publication;
pub mod release_change;
pub mod release_feed;
pub mod release_gates;
pub mod release_index;
pub mod release_installers;
pub mod release_keys;
pub mod uploads;
pub mod versions;
