//! The catalogue of entitlements in a request.

use super::MAX_TEXT_BYTES;
use keywright_domain::catalog::{self, ExplainedEntitlement};
use keywright_web::ApiError;
use serde_json::Value;
use utoipa::ToSchema;

/// One entitlement explained.
#[derive(ToSchema)]
#[schema(as = CatalogEntryInput)]
#[expect(dead_code, reason = "a description; the entries are read one by one")]
pub(super) struct CatalogEntry {
    /// The word that keys carry.
    #[schema(pattern = "^[!-~]{1,255}$")]
    slug: String,
    /// Its name for people, 1 to 200 bytes.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// What it unlocks, at most 2000 bytes; not sent: empty.
    #[schema(max_length = 2_000)]
    description: Option<String>,
}

/// Reads a catalogue: a list of `{slug, name, description}`. A description
/// that is not sent becomes an empty one, because the SDKs take no null there.
/// Further members of an entry stay.
pub(super) fn read(mut catalog: Value) -> Result<Value, ApiError> {
    let bad = |why: String| ApiError::bad_request(format!("entitlements_catalog: {why}"));
    if catalog.to_string().len() > MAX_TEXT_BYTES {
        return Err(bad(format!("at most {MAX_TEXT_BYTES} bytes of JSON")));
    }
    let shape = || bad("a list of objects with the texts slug, name and description".to_owned());
    let entries = catalog.as_array_mut().ok_or_else(shape)?;
    let mut read = Vec::with_capacity(entries.len());
    for entry in entries {
        let members = entry.as_object_mut().ok_or_else(shape)?;
        let description = members.entry("description").or_insert(Value::Null);
        if description.is_null() {
            *description = Value::from("");
        }
        let text = |name: &str| {
            let text = members.get(name).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(shape)
        };
        read.push(ExplainedEntitlement {
            slug: text("slug")?,
            name: text("name")?,
            description: text("description")?,
        });
    }
    catalog::check(&read).map_err(|error| bad(error.to_string()))?;
    Ok(catalog)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_description_is_never_null() {
        let sent = json!([
            { "slug": "a", "name": "A" },
            { "slug": "b", "name": "B", "description": null },
            { "slug": "c", "name": "C", "description": "what it is", "icon": "c.svg" },
        ]);
        let kept = json!([
            { "slug": "a", "name": "A", "description": "" },
            { "slug": "b", "name": "B", "description": "" },
            { "slug": "c", "name": "C", "description": "what it is", "icon": "c.svg" },
        ]);
        assert_eq!(read(sent), Ok(kept.clone()));
        assert_eq!(read(kept.clone()), Ok(kept));
    }

    #[test]
    fn what_is_no_catalogue_is_refused() {
        for bad in [
            json!({}),
            json!("a"),
            json!(["a"]),
            json!([["a", "A", ""]]),
            json!([{ "slug": "a" }]),
            json!([{ "name": "A" }]),
            json!([{ "slug": "a", "name": 1 }]),
            json!([{ "slug": "a", "name": "A", "description": 1 }]),
            json!([{ "slug": "a b", "name": "A" }]),
            json!([{ "slug": "a", "name": " " }]),
            json!([{ "slug": "a", "name": "A" }, { "slug": "a", "name": "B" }]),
            json!([{ "slug": "a", "name": "A", "icon": "x".repeat(20_001) }]),
        ] {
            let refused = read(bad.clone()).expect_err("a refusal");
            assert_eq!(refused.status().as_u16(), 400, "{bad}");
            let message = refused.message();
            assert!(message.starts_with("entitlements_catalog: "), "{message}");
        }
    }
}
