//! Columns that hold JSON text or 0 and 1.

use keywright_domain::terms::Terms;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};

/// For `#[serde(deserialize_with)]`: JSON text in a column.
pub(crate) fn json<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    column: D,
) -> Result<T, D::Error> {
    let text = String::deserialize(column)?;
    serde_json::from_str(&text).map_err(D::Error::custom)
}

/// For `#[serde(deserialize_with)]`: JSON text or NULL in a column.
pub(crate) fn optional_json<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    column: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(column)?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(D::Error::custom)
}

/// For `#[serde(deserialize_with)]`: 0 or 1 in a column.
pub(crate) fn flag<'de, D: Deserializer<'de>>(column: D) -> Result<bool, D::Error> {
    Ok(i64::deserialize(column)? != 0)
}

/// Entitlements as the column's JSON text.
pub(crate) fn entitlements(terms: &Terms) -> String {
    serde_json::Value::from(terms.entitlements.clone()).to_string()
}
