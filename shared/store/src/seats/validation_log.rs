//! The validation log: who asked about which key, and what the answer was. Kept
//! for finding abuse, for as long as the operator says. It holds no key, no
//! fingerprint and no whole address.

use crate::operator::retention::delete_oldest;
use keywright_ports::{DatabaseError, Reader, Statement};
use serde::{Deserialize, Serialize};

/// One validation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidationEntry {
    /// Unix seconds.
    pub at: i64,
    /// The license that the key names, where its signature is good.
    pub license_id: Option<String>,
    /// The product it is for.
    pub product_id: Option<String>,
    /// The machine, where it has a seat.
    pub machine_id: Option<String>,
    /// SHA-256 of the fingerprint in lower-case hex, where one was sent.
    pub fingerprint_hash: Option<String>,
    /// `ok`, or the reason why not.
    pub result: &'static str,
    /// The network that the caller is in.
    pub address_prefix: Option<String>,
    /// What the caller calls itself, at most 255 bytes.
    pub user_agent: Option<String>,
}

/// Rows that are looked at for how many of the last hour name no license.
const LOOK_BACK: i64 = 1_000;
/// Most of those. Whoever makes up keys, from however many addresses, fills at most
/// half of the log, and 500 rows an hour of one that is otherwise quiet.
const MOST_WITHOUT_LICENSE: i64 = 500;

/// Writes entries, however many, with one statement. Those that name no license, which
/// anybody can make up, are left out once there are many.
#[must_use]
pub fn append(entries: &[&ValidationEntry]) -> Statement {
    let newest = entries
        .iter()
        .map(|entry| entry.at)
        .max()
        .unwrap_or_default();
    // A list of texts and numbers can always be written as JSON.
    let entries = serde_json::to_string(entries).unwrap_or_default();
    Statement::new(
        "INSERT INTO validation_log (at, license_id, product_id, machine_id, fingerprint_hash,
                                     result, address_prefix, user_agent)
         SELECT value ->> 'at', value ->> 'license_id', value ->> 'product_id',
                value ->> 'machine_id', value ->> 'fingerprint_hash', value ->> 'result',
                value ->> 'address_prefix', value ->> 'user_agent'
         FROM json_each(?1)
         WHERE value ->> 'license_id' IS NOT NULL
            OR (SELECT count(*) FROM (SELECT license_id, at FROM validation_log
                                      ORDER BY id DESC LIMIT ?3)
                WHERE license_id IS NULL AND at > ?2) < ?4",
        [
            entries.into(),
            (newest - 3_600).into(),
            LOOK_BACK.into(),
            MOST_WITHOUT_LICENSE.into(),
        ],
    )
}

/// Deletes up to `most` of the oldest entries that are from before `before`, in unix
/// seconds. An entry that is younger than it keeps those after it.
#[must_use]
pub fn forget(before: i64, most: u32) -> Statement {
    Statement::new(
        delete_oldest!("validation_log"),
        [before.into(), i64::from(most).into()],
    )
}

/// One validation as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Validation {
    /// Later ones have higher numbers.
    pub id: i64,
    /// Unix seconds.
    pub at: i64,
    /// The license that the key names.
    pub license_id: Option<String>,
    /// The product that the key names.
    pub product_id: Option<String>,
    /// The machine that was found or made.
    pub machine_id: Option<String>,
    /// SHA-256 of the fingerprint that was sent, in lower-case hex.
    pub fingerprint_hash: Option<String>,
    /// `ok`, or the reason against it.
    pub result: String,
    /// Where it came from, shortened.
    pub address_prefix: Option<String>,
    /// What asked.
    pub user_agent: Option<String>,
}

/// Which validations; `None` is any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this license.
    pub license_id: Option<String>,
    /// Of this product.
    pub product_id: Option<String>,
    /// With this result.
    pub result: Option<String>,
    /// Not before this unix second.
    pub from: Option<i64>,
    /// Before this unix second.
    pub to: Option<i64>,
}

/// Above every number of a validation, and exact on every host: 2^53 - 1.
const NEWEST: i64 = 9_007_199_254_740_991;

/// The statement that reads validations, newest first.
macro_rules! select_validations {
    ($license:literal) => {
        concat!(
            "SELECT id, at, license_id, product_id, machine_id, fingerprint_hash, result,
                    address_prefix, user_agent
             FROM validation_log WHERE ",
            $license,
            " AND id < ?2
              AND (?3 IS NULL OR product_id = ?3) AND (?4 IS NULL OR result = ?4)
              AND (?5 IS NULL OR at >= ?5) AND (?6 IS NULL OR at < ?6)
             ORDER BY id DESC LIMIT ?7"
        )
    };
}

/// Up to `limit` validations, newest first, that were recorded before the one
/// numbered `before`.
///
/// # Errors
/// [`DatabaseError`].
pub async fn list(
    database: &Reader,
    filter: &Filter,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Validation>, DatabaseError> {
    // Those of one license are found by its index.
    let sql = if filter.license_id.is_some() {
        select_validations!("license_id = ?1")
    } else {
        select_validations!("?1 IS NULL")
    };
    let params = [
        filter.license_id.as_ref().into(),
        before.unwrap_or(NEWEST).into(),
        filter.product_id.as_ref().into(),
        filter.result.as_ref().into(),
        filter.from.into(),
        filter.to.into(),
        limit.into(),
    ];
    database.query(Statement::new(sql, params)).await
}
