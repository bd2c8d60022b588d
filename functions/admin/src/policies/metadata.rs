//! The members of a policy's metadata that buyers are shown.

use crate::text::check_metadata;
use keywright_domain::showcase::{self, Position, ShowcaseError};
use keywright_web::ApiError;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Checks a policy's metadata. Each shown member, where it is there and not
/// null, has its type and its limits; the others are the operator's.
pub(super) fn check(metadata: &Value) -> Result<(), ApiError> {
    check_metadata(metadata)?;
    let bad = |error: ShowcaseError| ApiError::bad_request(format!("metadata.{error}"));
    if let Some(text) = member::<String>(metadata, "description", "text")? {
        showcase::check_description(&text).map_err(bad)?;
    }
    member::<bool>(metadata, "highlight", "true or false")?;
    if let Some(bullets) = member::<Vec<String>>(metadata, "marketing_bullets", "a list of texts")?
    {
        showcase::check_bullets(&bullets).map_err(bad)?;
    }
    if let Some(word) = member::<String>(metadata, "marketing_bullets_position", "above or below")?
    {
        Position::parse(&word).map_err(bad)?;
    }
    if let Some(hidden) =
        member::<Vec<String>>(metadata, "hidden_entitlements", "a list of entitlements")?
    {
        showcase::check_hidden(&hidden).map_err(bad)?;
    }
    Ok(())
}

fn member<T: DeserializeOwned>(
    metadata: &Value,
    name: &str,
    shape: &str,
) -> Result<Option<T>, ApiError> {
    let value = metadata.get(name).cloned().unwrap_or_default();
    serde_json::from_value(value)
        .map_err(|_| ApiError::bad_request(format!("metadata.{name} must be {shape}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_buyers_are_shown_has_its_types() {
        for good in [
            json!({}),
            json!({ "whatever": { "the": ["operator", "likes"] } }),
            json!({ "description": null, "highlight": null }),
            json!({ "description": "For teams", "highlight": true, "hidden_entitlements": ["x"],
                    "marketing_bullets": ["Fast", "Small"], "marketing_bullets_position": "below" }),
        ] {
            assert_eq!(check(&good), Ok(()), "{good}");
        }
        for (member, bad) in [
            ("description", json!(1)),
            ("description", json!("d".repeat(2_001))),
            ("highlight", json!("yes")),
            ("highlight", json!(1)),
            ("marketing_bullets", json!("Fast")),
            ("marketing_bullets", json!([1])),
            ("marketing_bullets", json!([""])),
            ("marketing_bullets", json!(vec!["b"; 21])),
            ("marketing_bullets_position", json!("left")),
            ("marketing_bullets_position", json!(1)),
            ("hidden_entitlements", json!("x")),
            ("hidden_entitlements", json!(["a b"])),
        ] {
            let refused = check(&json!({ member: bad })).expect_err(member);
            assert_eq!(refused.status().as_u16(), 400);
            let said = refused.message();
            assert!(said.starts_with(&format!("metadata.{member}")), "{said}");
        }
        assert!(check(&json!([])).is_err());
    }
}
