//! The log of downloads: which license took what, and when. Kept for finding
//! abuse, for as long as the operator says. It holds no token, no download id
//! and no whole address.

use keywright_ports::Statement;
use serde::Serialize;

/// One download that was begun, or refused to somebody known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DownloadEntry {
    /// Unix seconds.
    pub at: i64,
    /// The license, where the token or link names one.
    pub license_id: Option<String>,
    /// The product, by its slug.
    pub product: String,
    /// The version.
    pub version: String,
    /// The platform.
    pub platform: String,
    /// `ok`, `part` of a file, or the code of what refused it.
    pub result: &'static str,
    /// The web site it was for, where it said so.
    pub site: Option<String>,
    /// The network that the caller is in.
    pub address_prefix: Option<String>,
}

/// Writes entries, however many, with one statement.
#[must_use]
pub fn append(entries: &[&DownloadEntry]) -> Statement {
    // A list of texts and numbers can always be written as JSON.
    let entries = serde_json::to_string(entries).unwrap_or_default();
    Statement::new(
        "INSERT INTO download_log (at, license_id, product, version, platform, result, site,
                                   address_prefix)
         SELECT value ->> 'at', value ->> 'license_id', value ->> 'product',
                value ->> 'version', value ->> 'platform', value ->> 'result',
                value ->> 'site', value ->> 'address_prefix'
         FROM json_each(?1)",
        [entries.into()],
    )
}

/// Deletes those of the `most` oldest entries that are from before `before`, in
/// unix seconds. The oldest are found by their ids, which grow with time.
#[must_use]
pub fn forget(before: i64, most: u32) -> Statement {
    Statement::new(
        "DELETE FROM download_log
         WHERE id IN (SELECT id FROM download_log ORDER BY id LIMIT ?2) AND at < ?1",
        [before.into(), i64::from(most).into()],
    )
}
