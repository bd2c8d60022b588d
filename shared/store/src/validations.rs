//! What was validated, as the operator looks it up.

use keywright_edge::ports::{DatabaseError, Reader, Statement};
use serde::Deserialize;

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

/// The statement that reads validations, newest first.
macro_rules! select_validations {
    ($license:literal) => {
        concat!(
            "SELECT id, at, license_id, product_id, machine_id, fingerprint_hash, result,
                    address_prefix, user_agent
             FROM validation_log WHERE ",
            $license,
            " AND (?2 IS NULL OR id < ?2)
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
        before.into(),
        filter.product_id.as_ref().into(),
        filter.result.as_ref().into(),
        filter.from.into(),
        filter.to.into(),
        limit.into(),
    ];
    database.query(Statement::new(sql, params)).await
}
