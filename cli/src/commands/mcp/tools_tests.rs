use super::*;
use serde_json::json;
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(DOCUMENT).expect("JSON")
}

fn tool(name: &str) -> ApiTool {
    let tools = all().expect("the document");
    let tool = tools.into_iter().find(|tool| tool.name == name);
    tool.unwrap_or_else(|| panic!("{name} is no tool"))
}

fn arguments(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}

/// A new operation has to be put into the list, so that nobody forgets to say what it does.
#[test]
fn every_operation_is_in_the_list_once() {
    let document = document();
    let paths = document["paths"].as_object().expect("paths");
    let methods = paths
        .values()
        .flat_map(|methods| methods.as_object().into_iter().flatten());
    let ids: BTreeSet<&str> = methods
        .filter_map(|(_, operation)| operation["operationId"].as_str())
        .collect();
    let listed: BTreeSet<&str> = OPERATIONS.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        listed.len(),
        OPERATIONS.len(),
        "an operation is listed twice"
    );
    let missing: Vec<_> = ids.difference(&listed).collect();
    let unknown: Vec<_> = listed.difference(&ids).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "say in operations.rs what these do: {missing:?}; these are gone: {unknown:?}"
    );
}

/// What changes the shop says so by its scope; what no scoped key opens is no tool.
#[test]
fn kinds_agree_with_scopes() {
    for tool in all().expect("the document") {
        let name = &tool.name;
        for scope in &tool.scopes {
            assert_ne!(scope, "master", "{name}");
            let is_write = scope.ends_with(":write");
            assert_eq!(is_write, tool.kind != Kind::Read, "{name}: {scope}");
        }
        if tool.scopes.is_empty() {
            assert_eq!(tool.kind, Kind::Read, "{name} opens to everybody");
        }
        if tool.method == "DELETE" || name.starts_with("update_") {
            assert_eq!(tool.kind, Kind::Change, "{name}");
        }
    }
}

/// No read's answer has a member that opens something, at any depth.
#[test]
fn no_read_shows_a_credential() {
    const CREDENTIALS: [&str; 7] = [
        "license_key",
        "download_id",
        "secret",
        "code",
        "poll_url",
        "signing_key",
        "password",
    ];
    let document = document();
    let schemas = &document["components"]["schemas"];
    for tool in all()
        .expect("the document")
        .iter()
        .filter(|tool| tool.kind == Kind::Read)
    {
        let method = tool.method.to_lowercase();
        let answer = &document["paths"][&tool.path][&method]["responses"]["200"]["content"];
        let answer = &answer["application/json"]["schema"];
        assert!(!answer.is_null(), "{} answers no JSON", tool.name);
        let mut members = BTreeSet::new();
        members_of(answer, schemas, 0, &mut members);
        for credential in CREDENTIALS {
            if tool.is_operators() {
                let shown = tool.shown(json!({ "list": [{ credential: "x" }] }));
                let is_shown = shown["list"][0].get(credential).is_some();
                assert!(
                    !members.contains(credential) || !is_shown,
                    "{}: {credential}",
                    tool.name
                );
            } else if credential != "code" {
                // The discount that is featured is public.
                assert!(!members.contains(credential), "{}: {credential}", tool.name);
            }
        }
    }
}

fn members_of(schema: &Value, schemas: &Value, depth: usize, found: &mut BTreeSet<String>) {
    let schema = resolve(schema, schemas);
    if depth > 8 {
        return;
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(name.clone());
        members_of(schema, schemas, depth + 1, found);
    }
    if schema["items"].is_object() {
        members_of(&schema["items"], schemas, depth + 1, found);
    }
}

/// What the APIs of all large models take of a tool's input.
#[test]
fn schemas_are_in_the_dialect_of_every_client() {
    fn check(schema: &Value, place: &str) {
        let members = schema
            .as_object()
            .unwrap_or_else(|| panic!("{place}: {schema}"));
        for keyword in members.keys() {
            let known = [
                "type",
                "description",
                "enum",
                "items",
                "properties",
                "required",
                "minimum",
                "maximum",
            ];
            assert!(known.contains(&keyword.as_str()), "{place}: {keyword}");
        }
        let of = schema["type"]
            .as_str()
            .unwrap_or_else(|| panic!("{place}: {schema}"));
        assert!(["string", "integer", "number", "boolean", "array", "object"].contains(&of));
        assert_eq!(schema["items"].is_object(), of == "array", "{place}");
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            check(schema, &format!("{place}.{name}"));
        }
        if of == "array" {
            check(&schema["items"], &format!("{place}[]"));
        }
    }
    let (document, mut names) = (document(), BTreeSet::new());
    for tool in all().expect("the document") {
        let name = tool.name.clone();
        let plain =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        assert!(
            (1..=64).contains(&name.len()) && name.chars().all(plain),
            "{name}"
        );
        assert!(
            (10..=90).contains(&tool.description.len()),
            "{name}: {}",
            tool.description
        );
        assert_eq!(tool.input["type"], "object");
        check(&tool.input.clone().into(), &name);
        let properties = tool.input["properties"].as_object().expect("properties");
        for required in tool
            .input
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            assert!(
                properties.contains_key(required.as_str().expect("a name")),
                "{name}"
            );
        }
        assert_eq!(
            properties.len(),
            arguments_of(&document, &tool),
            "{name}: two arguments of one name"
        );
        assert!(names.insert(name));
    }
    assert!(names.len() > 60, "{}", names.len());
}

/// How many parameters and members an operation has.
fn arguments_of(document: &Value, tool: &ApiTool) -> usize {
    let operation = &document["paths"][&tool.path][&tool.method.to_lowercase()];
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.filter(|parameter| parameter["in"] != "header");
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let body = resolve(body, &document["components"]["schemas"]);
    parameters.count() + body["properties"].as_object().map_or(0, Map::len)
}

#[test]
fn arguments_go_where_they_belong() {
    let change = tool("update_license");
    let given = json!({ "id": "a/b c", "max_machines": 5, "note": null });
    assert_eq!(
        change.request(arguments(given)),
        Ok(ToolRequest {
            method: "PATCH".to_owned(),
            path: "/v1/admin/licenses/a%2Fb%20c".to_owned(),
            body: Some(json!({ "max_machines": 5, "note": null })),
        })
    );
    let list = tool("list_licenses");
    let path = |given: Value| list.request(arguments(given)).expect("a request").path;
    assert_eq!(path(json!({})), "/v1/admin/licenses?limit=20");
    assert_eq!(path(json!({ "limit": 3 })), "/v1/admin/licenses?limit=3");
    assert_eq!(
        path(json!({ "cursor": "a&b=c" })),
        "/v1/admin/licenses?cursor=a%26b%3Dc&limit=20"
    );
    assert_eq!(list.request(Map::new()).expect("a request").body, None);
    let suspend = tool("suspend_license");
    let given = json!({ "id": "x" });
    let request = suspend.request(arguments(given)).expect("a request");
    assert_eq!(request.body, Some(json!({})));
}

#[test]
fn no_argument_leads_to_another_route() {
    let show = tool("get_license");
    for id in [
        json!(".."),
        json!("."),
        json!(""),
        json!(null),
        json!(["a"]),
    ] {
        let given = arguments(json!({ "id": id }));
        assert_eq!(
            show.request(given),
            Err(ArgumentError::NoWord("id".to_owned())),
            "{id}"
        );
    }
    assert_eq!(
        show.request(Map::new()),
        Err(ArgumentError::NoWord("id".to_owned()))
    );
    let given = arguments(json!({ "id": "x", "key": "y" }));
    assert_eq!(
        show.request(given),
        Err(ArgumentError::Unknown("key".to_owned()))
    );
    let path = show.request(arguments(json!({ "id": "../api-keys?x={id}" })));
    assert_eq!(
        path.expect("a request").path,
        "/v1/admin/licenses/..%2Fapi-keys%3Fx%3D%7Bid%7D"
    );
    let list = tool("list_licenses");
    let given = arguments(json!({ "cursor": { "a": 1 } }));
    assert_eq!(
        list.request(given),
        Err(ArgumentError::NotPlain("cursor".to_owned()))
    );
}

#[test]
fn a_read_leaves_out_what_opens_something() {
    let license =
        json!({ "id": "x", "download_id": "y", "machines": [{ "code": "z", "hostname": "h" }] });
    let left = json!({ "id": "x", "machines": [{ "hostname": "h" }] });
    assert_eq!(tool("get_license").shown(license.clone()), left);
    assert_eq!(tool("issue_license").shown(license.clone()), license);
}
