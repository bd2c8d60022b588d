//! The OpenAPI document says what the code does: it is made from the handlers' types
//! and is checked in. It has every route because `endpoints!` makes both.

#[cfg(test)]
mod tests {
    use keywright_tests::openapi::{document, operations};
    use serde_json::Value;
    use std::path::{Path, PathBuf};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    /// `KEYWRIGHT_WRITE_OPENAPI=1` (`make openapi`) writes the copy anew.
    #[test]
    fn the_checked_in_copy_is_the_one_the_types_make() {
        let path = root().join("docs/openapi.json");
        let mut made = serde_json::to_string_pretty(&document()).expect("JSON");
        made.push('\n');
        if std::env::var_os("KEYWRIGHT_WRITE_OPENAPI").is_some() {
            std::fs::write(&path, &made).expect("the copy");
        }
        let kept = std::fs::read_to_string(&path).expect("the copy");
        assert!(
            kept == made,
            "docs/openapi.json is not what the types make; run `make openapi` and look at the difference"
        );
    }

    #[test]
    fn every_operation_is_complete() {
        let mut document = document();
        let components = document["components"].clone();
        let paths = document["paths"].as_object_mut().expect("paths");
        for operation in operations(paths) {
            let name = format!("{} {}", operation.method, operation.path);
            let said = &*operation.operation;
            let summary = said["summary"].as_str().unwrap_or_default();
            assert!((4..80).contains(&summary.len()), "{name}: {summary:?}");
            assert!(said["tags"][0].is_string(), "{name} has no tag");
            // A route may lead somewhere else, and do nothing besides.
            let leads = ["302", "307"]
                .iter()
                .any(|status| said["responses"][*status].is_object());
            let success = said["responses"]["200"]["description"].as_str();
            assert!(
                leads || success.is_some_and(|text| !text.is_empty()),
                "{name}: no 200"
            );
            // A provider's event is bytes under a signature, of no fixed form; so is
            // what it has a browser bring.
            let of_provider = ["/v1/btcpay/", "/v1/zaprite/"]
                .iter()
                .any(|prefix| operation.path.starts_with(prefix));
            // A form of a page of ours is answered by a page, whatever it holds.
            let form = &said["requestBody"]["content"]["application/x-www-form-urlencoded"];
            let has_body = said["requestBody"].is_object() && !of_provider && !form.is_object();
            // A part of a file is bytes too, whatever its type is said to be.
            let is_bytes = operation.path.ends_with("/uploads/{id}");
            for status in ["400", "413", "415", "422"] {
                if is_bytes && status == "415" {
                    continue;
                }
                let documented = said["responses"][status].is_object();
                assert!(!has_body || documented, "{name} does not document {status}");
            }
            check_references(said, &components, &name);
        }
        check_references(&components.clone(), &components, "components");
    }

    /// Whoever reads the document reads what each member is.
    #[test]
    fn every_member_is_described() {
        let document = document();
        let schemas = document["components"]["schemas"].as_object();
        for (name, schema) in schemas.expect("schemas") {
            let said = |schema: &Value| {
                let described = schema["description"].as_str().unwrap_or_default();
                !described.is_empty() || schema["$ref"].is_string()
            };
            let parts = ["allOf", "oneOf"].map(|kind| schema[kind].as_array());
            let parts: Vec<_> = parts.into_iter().flatten().flatten().collect();
            assert!(said(schema) || !parts.is_empty(), "{name} is not described");
            for part in std::iter::once(schema).chain(parts) {
                for (member, schema) in part["properties"].as_object().into_iter().flatten() {
                    let either = schema["oneOf"].is_array();
                    assert!(said(schema) || either, "{name}.{member} is not described");
                }
            }
        }
    }

    /// Names that generated clients make themselves, and what a link reads is there.
    #[test]
    fn names_are_free_for_generated_clients() {
        let mut document = document();
        let schemas = document["components"]["schemas"].clone();
        let schemas = schemas.as_object().expect("schemas");
        for name in schemas.keys() {
            // Go's clients have a function `NewX` for each schema X.
            assert!(!name.starts_with("New"), "{name}");
        }
        let paths = document["paths"].as_object_mut().expect("paths");
        for operation in operations(paths) {
            let said = &*operation.operation;
            let id = said["operationId"].as_str().expect("an id");
            // TypeScript's clients have a type `XRequest` for the parameters of X.
            let (first, rest) = id.split_at(1);
            let request = format!("{}{rest}Request", first.to_uppercase());
            assert!(!schemas.contains_key(&request), "{request}");
            let success = &said["responses"]["200"];
            let answer = &success["content"]["application/json"]["schema"]["$ref"];
            let answer = answer.as_str().and_then(|name| name.rsplit('/').next());
            let links = success["links"].as_object().into_iter().flatten();
            for (target, link) in links {
                let read = link["parameters"].as_object().expect("parameters");
                for expression in read.values() {
                    let member = expression.as_str().and_then(|text| text.split('/').nth(1));
                    let members = &schemas[answer.expect("a schema")]["properties"];
                    assert!(
                        members[member.expect("a member")].is_object(),
                        "{id} to {target}"
                    );
                }
            }
        }
    }

    fn check_references(value: &Value, components: &Value, place: &str) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let place_of = reference.strip_prefix("#/components");
                    let known = place_of.is_some_and(|at| components.pointer(at).is_some());
                    assert!(known, "{place}: {reference} leads nowhere");
                }
                members
                    .values()
                    .for_each(|value| check_references(value, components, place));
            }
            Value::Array(values) => values
                .iter()
                .for_each(|value| check_references(value, components, place)),
            _ => {}
        }
    }
}
