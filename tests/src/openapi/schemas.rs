//! Schemas as client generators take them best.

use super::{grammar, operations};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Merges alternatives, and lists the words of requests.
pub(super) fn tidy(paths: &mut Map<String, Value>, schemas: &mut Map<String, Value>) {
    merge_alternatives(schemas);
    let mut requested = BTreeSet::new();
    for one in operations(paths) {
        let parameters = one.operation.get_mut("parameters");
        for parameter in parameters
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            // Joomla's sites get an answer whatever they ask for.
            if !one.path.starts_with("/api/v1/licensing/") {
                grammar::of_parameter(parameter);
            }
            list_words(parameter);
        }
        if let Some(body) = one.operation.get_mut("requestBody") {
            list_words(body);
            references(body, schemas, &mut requested);
        }
    }
    for name in requested {
        grammar::of_members(&mut schemas[&name]);
        list_words(&mut schemas[&name]);
    }
}

/// Describes a choice between objects as one object, with the members of all; required
/// are those that each has. Many languages have no type for a choice.
fn merge_alternatives(schemas: &mut Map<String, Value>) {
    let mut merged = Vec::new();
    for (name, schema) in &*schemas {
        let parts: Option<Vec<String>> = schema["oneOf"].as_array().and_then(|parts| {
            let name = |part: &Value| part["$ref"].as_str()?.rsplit('/').next().map(str::to_owned);
            parts.iter().map(name).collect()
        });
        if let Some(parts) = parts {
            merged.push((name.clone(), parts));
        }
    }
    for (name, parts) in merged {
        let parts = parts
            .iter()
            .map(|part| schemas.remove(part).unwrap_or_default());
        let parts: Vec<Value> = parts.collect();
        let mut properties = Map::new();
        for (member, described) in parts
            .iter()
            .filter_map(|part| part["properties"].as_object())
            .flatten()
        {
            properties
                .entry(member)
                .or_insert_with(|| described.clone());
        }
        let is_required = |member: &Value| {
            let lists = |part: &Value| {
                part["required"]
                    .as_array()
                    .is_some_and(|all| all.contains(member))
            };
            parts.iter().all(lists)
        };
        let required = parts[0]["required"].as_array().into_iter().flatten();
        let required: Vec<&Value> = required.filter(|member| is_required(member)).collect();
        schemas[&name] = json!({
            "type": "object",
            "description": schemas[&name]["description"],
            "properties": properties,
            "required": required,
        });
    }
}

/// The names of the schemas that a part of the document refers to, at any depth.
fn references(value: &Value, schemas: &Map<String, Value>, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|name| name.strip_prefix("#/components/schemas/"));
            if let Some(name) = name.filter(|name| found.insert((*name).to_owned())) {
                references(&schemas[name], schemas, found);
            }
            members
                .values()
                .for_each(|value| references(value, schemas, found));
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| references(value, schemas, found)),
        _ => {}
    }
}

/// Turns a pattern that is a list of words, `^(a|b)$`, into an `enum`, so that clients get
/// a type for it. Only in requests: answers may get further words.
fn list_words(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let words = members
                .get("pattern")
                .and_then(Value::as_str)
                .and_then(words);
            if let Some(mut words) = words {
                members.remove("pattern");
                if members.get("type").is_some_and(Value::is_array) {
                    words.push(Value::Null);
                }
                members.insert("enum".to_owned(), words.into());
            }
            members.values_mut().for_each(list_words);
        }
        Value::Array(values) => values.iter_mut().for_each(list_words),
        _ => {}
    }
}

fn words(pattern: &str) -> Option<Vec<Value>> {
    let inside = pattern.strip_prefix("^(")?.strip_suffix(")$")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let words = inside.split('|');
    let are_words = words
        .clone()
        .all(|word| !word.is_empty() && word.chars().all(plain));
    are_words.then(|| words.map(Value::from).collect())
}
