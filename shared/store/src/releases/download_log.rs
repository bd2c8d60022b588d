//! The log of downloads: which license took what, and when. Kept for finding
//! abuse, for as long as the operator says. It holds no token, no download id
//! and no whole address.

use crate::operator::retention::delete_oldest;
use keywright_ports::{DatabaseError, Reader, Row, Statement};
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

/// A transfer that is being resumed.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// The license that it was for.
    pub license_id: &'a str,
    /// The product, by its slug.
    pub product: &'a str,
    /// The version.
    pub version: &'a str,
    /// The platform.
    pub platform: &'a str,
    /// The network that the caller is in.
    pub address_prefix: &'a str,
}

/// Whether a transfer began between two times, in unix seconds.
///
/// # Errors
/// [`DatabaseError`].
pub async fn has_begun(
    database: &Reader,
    transfer: Transfer<'_>,
    (from, to): (i64, i64),
) -> Result<bool, DatabaseError> {
    let statement = Statement::new(
        "SELECT 1 AS found FROM download_log
         WHERE license_id = ?1 AND product = ?2 AND version = ?3 AND platform = ?4
           AND address_prefix = ?5 AND at BETWEEN ?6 AND ?7 AND result IN ('ok', 'part')
         LIMIT 1",
        [
            transfer.license_id.into(),
            transfer.product.into(),
            transfer.version.into(),
            transfer.platform.into(),
            transfer.address_prefix.into(),
            from.into(),
            to.into(),
        ],
    );
    let found: Option<Row> = database.first(statement).await?;
    Ok(found.is_some())
}

/// Deletes up to `most` of the oldest entries that are from before `before`, in unix
/// seconds. An entry that is younger than it keeps those after it.
#[must_use]
pub fn forget(before: i64, most: u32) -> Statement {
    Statement::new(
        delete_oldest!("download_log"),
        [before.into(), i64::from(most).into()],
    )
}
