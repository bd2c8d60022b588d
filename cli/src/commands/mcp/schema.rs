//! Schemas in the narrow dialect that every client takes: one type each, no references, no
//! alternatives, and short descriptions, so that a list of tools stays small.

use serde_json::{Map, Value, json};

/// Most characters of a description.
const MAX_DESCRIPTION: usize = 90;
/// How deep schemas are followed; a document could refer to itself.
const MAX_DEPTH: usize = 6;

/// A schema of the OpenAPI document, narrowed.
pub(super) fn narrow(schema: &Value, schemas: &Value) -> Value {
    narrow_at(schema, schemas, 0)
}

fn narrow_at(schema: &Value, schemas: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return json!({ "type": "object" });
    }
    let described = schema["description"].as_str();
    let schema = resolve(schema, schemas);
    let described = described.or_else(|| schema["description"].as_str());
    let mut narrowed = Map::new();
    let of = type_of(schema);
    narrowed.insert("type".to_owned(), of.into());
    if let Some(text) = described {
        narrowed.insert("description".to_owned(), shorten(text).into());
    }
    for keyword in ["minimum", "maximum"] {
        if let Some(bound) = schema.get(keyword) {
            narrowed.insert(keyword.to_owned(), bound.clone());
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter(|word| !word.is_null());
        narrowed.insert("enum".to_owned(), words.cloned().collect());
    }
    if of == "array" {
        let items = narrow_at(&schema["items"], schemas, depth + 1);
        narrowed.insert("items".to_owned(), items);
    }
    if let Some(properties) = schema["properties"].as_object().filter(|_| of == "object") {
        let properties: Map<String, Value> = properties
            .iter()
            .map(|(name, schema)| (name.clone(), narrow_at(schema, schemas, depth + 1)))
            .collect();
        narrowed.insert("properties".to_owned(), properties.into());
        if let Some(required) = schema.get("required") {
            narrowed.insert("required".to_owned(), required.clone());
        }
    }
    narrowed.into()
}

/// What a reference, or a choice between something and null, stands for.
pub(super) fn resolve<'a>(schema: &'a Value, schemas: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return resolve(&schemas[name], schemas);
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        let all = schema[choice].as_array().into_iter().flatten();
        let mut all = all.filter(|schema| schema["type"] != "null");
        if let Some(one) = all.next() {
            return resolve(one, schemas);
        }
    }
    schema
}

/// The one type of a schema; that it may be null is left out, and null is taken anyway.
fn type_of(schema: &Value) -> &str {
    let of = match &schema["type"] {
        Value::Array(types) => types.iter().find(|of| *of != "null"),
        of => Some(of),
    };
    let default = if schema["properties"].is_object() {
        "object"
    } else {
        "string"
    };
    of.and_then(Value::as_str).unwrap_or(default)
}

/// The first sentence, cut at a word.
pub(super) fn shorten(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = text.split(". ").next().unwrap_or_default();
    let sentence = sentence.trim_end_matches('.');
    if sentence.chars().count() <= MAX_DESCRIPTION {
        return sentence.to_owned();
    }
    let cut: String = sentence.chars().take(MAX_DESCRIPTION).collect();
    let cut = cut.rsplit_once(' ').map_or(&*cut, |(words, _)| words);
    format!("{cut} …")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_has_one_type_and_no_references() {
        let schemas = json!({
            "Inner": { "type": "object", "description": "Inside.", "properties": {
                "again": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Inner" }] },
            } },
        });
        let schema = json!({
            "type": ["object", "null"], "description": "One.\nTwo.",
            "properties": {
                "inner": { "$ref": "#/components/schemas/Inner", "description": "Its own words." },
                "words": { "type": ["array", "null"], "items": { "type": "string", "pattern": "x" } },
                "word": { "type": ["string", "null"], "enum": ["a", null], "default": "a" },
            },
            "required": ["inner"],
        });
        let narrowed = narrow(&schema, &schemas);
        let text = narrowed.to_string();
        for keyword in ["$ref", "oneOf", "null", "pattern", "default"] {
            assert!(!text.contains(keyword), "{keyword}: {text}");
        }
        assert_eq!(narrowed["description"], "One");
        assert_eq!(narrowed["required"], json!(["inner"]));
        let members = &narrowed["properties"];
        assert_eq!(members["inner"]["description"], "Its own words");
        assert_eq!(
            members["words"],
            json!({ "type": "array", "items": { "type": "string" } })
        );
        assert_eq!(members["word"], json!({ "type": "string", "enum": ["a"] }));
    }

    #[test]
    fn a_description_is_one_short_sentence() {
        assert_eq!(shorten("What it\nunlocks. More."), "What it unlocks");
        let long = shorten(&"word ".repeat(40));
        assert!(long.chars().count() <= MAX_DESCRIPTION + 2, "{long}");
        assert!(long.ends_with("word …"), "{long}");
    }
}
