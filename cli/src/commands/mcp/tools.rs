//! The tools: made from the OpenAPI document of this build and the list of operations.

use super::operations::{Kind, LEFT_OUT_OF_READS, OPERATIONS};
use super::schema::{narrow, resolve, shorten};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The document that `GET /v1/openapi.json` of an instance of this version serves.
const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

/// How many rows a list answers where the model does not say: a page of the API's own
/// length fills a model's memory.
const DEFAULT_ROWS: u64 = 20;

/// What stays as it is in a URL.
const PLAIN: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Where an argument goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Body,
}

/// One operation as a tool.
#[derive(Debug, Clone)]
pub(super) struct ApiTool {
    /// 1 to 64 characters of `[a-z0-9_-]`.
    pub(super) name: String,
    /// What it does, in a sentence of ours.
    pub(super) description: String,
    /// An object with flat arguments.
    pub(super) input: Map<String, Value>,
    /// What it does to the shop.
    pub(super) kind: Kind,
    /// The scopes that a key needs for it; none for what is open to everybody.
    scopes: Vec<String>,
    method: String,
    path: String,
    places: BTreeMap<String, Place>,
    has_body: bool,
}

/// A request that a tool makes.
#[derive(Debug, PartialEq)]
pub(super) struct ToolRequest {
    /// The method.
    pub(super) method: String,
    /// Path and query.
    pub(super) path: String,
    /// The body, where the operation takes one.
    pub(super) body: Option<Value>,
}

/// Arguments that make no request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ArgumentError {
    /// Not an argument of this tool.
    #[error("this tool has no argument {0:?}")]
    Unknown(String),
    /// A part of the path is missing, or no word.
    #[error("{0} must be a text with at least one character")]
    NoWord(String),
    /// A query takes plain values.
    #[error("{0} must be a text, a number or true or false")]
    NotPlain(String),
}

/// Every tool, in the order of the list of operations.
///
/// # Errors
/// When the document is not the one that the list is about.
pub(super) fn all() -> Result<Vec<ApiTool>, serde_json::Error> {
    let document: Value = serde_json::from_str(DOCUMENT)?;
    let schemas = &document["components"]["schemas"];
    let mut by_id = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            if let Some(id) = operation["operationId"].as_str() {
                by_id.insert(id, (method, path, operation));
            }
        }
    }
    let tools = OPERATIONS
        .iter()
        .filter(|(_, kind)| !matches!(kind, Kind::NoTool(_)));
    let tools = tools.filter_map(|(id, kind)| {
        let (method, path, operation) = by_id.get(id)?;
        Some(ApiTool::new(id, *kind, method, path, operation, schemas))
    });
    Ok(tools.collect())
}

impl ApiTool {
    fn new(
        id: &str,
        kind: Kind,
        method: &str,
        path: &str,
        operation: &Value,
        schemas: &Value,
    ) -> Self {
        let mut places = BTreeMap::new();
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            let place = match parameter["in"].as_str() {
                Some("path") => Place::Path,
                Some("query") => Place::Query,
                _ => continue,
            };
            let mut schema = narrow(&parameter["schema"], schemas);
            if let Some(text) = parameter["description"].as_str() {
                schema["description"] = shorten(text).into();
            }
            if name == "limit" {
                schema["description"] = json!(format!("Rows; {DEFAULT_ROWS} if left out"));
            }
            properties.insert(name.to_owned(), schema);
            places.insert(name.to_owned(), place);
            if parameter["required"] == true {
                required.push(Value::from(name));
            }
        }
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            let object = resolve(body, schemas);
            let narrowed = narrow(object, schemas);
            for (name, schema) in narrowed["properties"].as_object().into_iter().flatten() {
                properties.insert(name.clone(), schema.clone());
                places.insert(name.clone(), Place::Body);
            }
            required.extend(
                narrowed["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .cloned(),
            );
        }
        let mut input = Map::new();
        input.insert("type".to_owned(), "object".into());
        input.insert("properties".to_owned(), properties.into());
        if !required.is_empty() {
            input.insert("required".to_owned(), required.into());
        }
        let scopes = operation["security"][0]["operator"].as_array();
        let scopes = scopes.into_iter().flatten().filter_map(Value::as_str);
        Self {
            name: snake_case(id),
            description: operation["summary"].as_str().unwrap_or_default().to_owned(),
            input,
            kind,
            scopes: scopes.map(str::to_owned).collect(),
            method: method.to_uppercase(),
            path: path.to_owned(),
            places,
            has_body: !body.is_null(),
        }
    }

    /// True when a key with these scopes may use it.
    pub(super) fn is_open_to(&self, scopes: &[String]) -> bool {
        self.scopes.iter().all(|scope| scopes.contains(scope))
    }

    /// True when it is one of the operator's, whose answers are not public.
    fn is_operators(&self) -> bool {
        self.path.starts_with("/v1/admin/")
    }

    /// The request that these arguments make.
    pub(super) fn request(
        &self,
        mut arguments: Map<String, Value>,
    ) -> Result<ToolRequest, ArgumentError> {
        if self.places.get("limit") == Some(&Place::Query) {
            let rows = arguments.entry("limit").or_insert(Value::Null);
            if rows.is_null() {
                *rows = DEFAULT_ROWS.into();
            }
        }
        let mut path = self.path.clone();
        let (mut query, mut body) = (Vec::new(), Map::new());
        for (name, value) in arguments {
            match self.places.get(&name) {
                None => return Err(ArgumentError::Unknown(name)),
                Some(Place::Body) => {
                    body.insert(name, value);
                }
                Some(Place::Query) if value.is_null() => {}
                Some(Place::Query) => {
                    let text =
                        plain(&value).ok_or_else(|| ArgumentError::NotPlain(name.clone()))?;
                    query.push(format!("{name}={}", encoded(&text)));
                }
                Some(Place::Path) => {
                    // A segment of dots would lead to another route.
                    let word = plain(&value).filter(|text| text.chars().any(|c| c != '.'));
                    let word = word.ok_or_else(|| ArgumentError::NoWord(name.clone()))?;
                    path = path.replace(&format!("{{{name}}}"), &encoded(&word));
                }
            }
        }
        if let Some((_, name)) = path.split_once('{') {
            let name = name.split('}').next().unwrap_or_default();
            return Err(ArgumentError::NoWord(name.to_owned()));
        }
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        Ok(ToolRequest {
            method: self.method.clone(),
            path,
            body: self.has_body.then(|| body.into()),
        })
    }

    /// The answer as the model sees it.
    pub(super) fn shown(&self, mut answer: Value) -> Value {
        if self.kind == Kind::Read && self.is_operators() {
            leave_out(&mut answer);
        }
        answer
    }
}

/// Removes what a read does not show, at any depth.
fn leave_out(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !LEFT_OUT_OF_READS.contains(&name.as_str()));
            members.values_mut().for_each(leave_out);
        }
        Value::Array(values) => values.iter_mut().for_each(leave_out),
        _ => {}
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &PLAIN).to_string()
}

/// `listApiKeys`: `list_api_keys`.
fn snake_case(id: &str) -> String {
    let mut name = String::with_capacity(id.len() + 4);
    for c in id.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
#[path = "tools_tests.rs"]
mod tests;
