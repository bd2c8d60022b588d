//! The catalogue of entitlements in a request.

use super::MAX_TEXT_BYTES;
use keywright_domain::catalog::{self, ExplainedEntitlement};
use keywright_web::ApiError;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// One entitlement explained.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CatalogEntryInput)]
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

/// Checks a catalogue. A description that is not sent becomes an empty one, because the
/// SDKs take no null there.
pub(super) fn read(catalog: Vec<CatalogEntry>) -> Result<Value, ApiError> {
    let bad =
        |why: &dyn std::fmt::Display| ApiError::bad_request(format!("entitlements_catalog{why}"));
    let entries = catalog.into_iter().map(|entry| ExplainedEntitlement {
        slug: entry.slug,
        name: entry.name,
        description: entry.description.unwrap_or_default(),
    });
    let entries: Vec<ExplainedEntitlement> = entries.collect();
    catalog::check(&entries).map_err(|error| bad(&error))?;
    let entries = entries.into_iter().map(
        |entry| json!({ "slug": entry.slug, "name": entry.name, "description": entry.description }),
    );
    let catalog: Value = entries.collect();
    if catalog.to_string().len() > MAX_TEXT_BYTES {
        return Err(bad(&format!(
            " must be at most {MAX_TEXT_BYTES} bytes of JSON"
        )));
    }
    Ok(catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(catalog: Value) -> Result<Value, String> {
        let entries = serde_json::from_value(catalog).expect("entries");
        read(entries).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_description_is_never_null() {
        let entries = json!([
            { "slug": "a", "name": "A" },
            { "slug": "b", "name": "B", "description": null },
            { "slug": "c", "name": "C", "description": "what it is" },
        ]);
        let kept = json!([
            { "slug": "a", "name": "A", "description": "" },
            { "slug": "b", "name": "B", "description": "" },
            { "slug": "c", "name": "C", "description": "what it is" },
        ]);
        assert_eq!(sent(entries), Ok(kept.clone()));
        assert_eq!(sent(kept.clone()), Ok(kept));
    }

    #[test]
    fn an_entry_that_cannot_be_shown_is_named() {
        for (bad, message) in [
            (
                json!([{ "slug": "a", "name": "A" }, { "slug": "a b", "name": "A" }]),
                "entitlements_catalog[1].slug must be 1 to 255 ASCII characters without spaces",
            ),
            (
                json!([{ "slug": "a", "name": " " }]),
                "entitlements_catalog[0].name must be 1 to 200 bytes of text",
            ),
            (
                json!([{ "slug": "a", "name": "A" }, { "slug": "a", "name": "B" }]),
                "entitlements_catalog[1].slug must differ from those before it",
            ),
            (
                (0..100)
                    .map(|number| json!({ "slug": number.to_string(), "name": "x".repeat(200) }))
                    .collect(),
                "entitlements_catalog must be at most 20000 bytes of JSON",
            ),
        ] {
            assert_eq!(sent(bad), Err(message.to_owned()));
        }
    }
}
